export { AgentError, type AgentErrorCode } from './errors.ts';
