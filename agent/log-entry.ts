/** One thing that happened: an event name and fields with their units in the names. Never keys; never household readings above debug. */
export type LogEntry = {
  readonly event: string;
  readonly level?: 'debug' | 'info' | 'warn' | 'error';
} & Readonly<Record<string, unknown>>;
