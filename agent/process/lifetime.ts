/** Tells whoever started this process that it is ready, in one line of JSON on stdout. */
export function tellReady(fields: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ event: 'ready', ...fields })}\n`);
}

/**
 * A signal that fires when the process is asked to end: by a signal, or by the end of the program that started it
 * and keeps a channel open to it, as the demo does. Without that program nobody would ever ask. Its `reason` says which.
 */
export function untilAskedToEnd(): AbortSignal {
  const asked = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => asked.abort(signal));
  if (process.channel) {
    process.once('disconnect', () => asked.abort('its starter has ended'));
    // Listening holds the process; whoever has nothing else to do is to end nevertheless.
    process.channel.unref();
  }
  return asked.signal;
}
