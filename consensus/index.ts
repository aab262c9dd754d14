export { ConsensusError, type ConsensusErrorCode } from './errors.ts';
