/** Tells whoever started this process that it is ready, in one line of JSON on stdout. */
export function tellReady(fields: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ event: 'ready', ...fields })}\n`);
}

/** A signal that fires when the process is asked to end. */
export function untilAskedToEnd(): AbortSignal {
  const asked = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => asked.abort());
  return asked.signal;
}
