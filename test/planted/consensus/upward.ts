import { agent } from '../agent/index.ts';
export const upward = agent;
