export type * from './devices/capabilities.ts';
export { DriversError, type DriversErrorCode } from './errors.ts';
