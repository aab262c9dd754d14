/**
 * The options of a benchmark's or a simulation's command line, read by `parse` (parseArgs of node:util). `--help`
 * prints the usage and ends with status 0; a wrong option prints one line more, to stderr, and ends with status 2.
 */
export function commandOptions<T>(usage: string, parse: () => T) {
  const wrong = (why: string): never => {
    process.stderr.write(`${why}\nusage: ${usage}\n`);
    process.exit(2);
  };
  /** A whole number from `min` on; `wholes` takes several, with commas between. */
  const whole = (text: string, name: string, min = 1): number => {
    const value = Number(text);
    return text.trim() !== '' && Number.isSafeInteger(value) && value >= min
      ? value
      : wrong(`--${name} takes a whole number from ${min} on, not '${text}'.`);
  };
  const wholes = (text: string, name: string): number[] => text.split(',').map((part) => whole(part, name));
  const read = (): T => {
    try {
      return parse();
    } catch (error) {
      return wrong(error instanceof Error ? error.message : String(error));
    }
  };
  if (process.argv.includes('--help')) {
    process.stdout.write(`usage: ${usage}\n`);
    process.exit(0);
  }
  return { values: read(), whole, wholes, wrong };
}
