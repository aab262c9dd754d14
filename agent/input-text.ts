import { type Abortable, readBounded } from './bounded-file.ts';
import { AgentError } from './errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  EISDIR: 'is a directory: name a file.',
  ETIMEDOUT: 'is a pipe into which nobody writes.',
};

/**
 * The text of a file that people name, without its byte order mark.
 *
 * @param file a path, or `-` for standard input.
 * @param source what the file is called in messages.
 * @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_DATA when there is more than `bytesMax` of it, or AGENT_ABORTED where
 * `signal` fires while a pipe is waited for.
 */
export async function readInputText(
  file: string,
  { bytesMax, source = file, signal }: { readonly bytesMax: number; readonly source?: string } & Abortable,
): Promise<string> {
  let bytes: Buffer | undefined;
  try {
    bytes = await readBounded(file, bytesMax, { signal });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    if (code === 'ABORT_ERR')
      throw new AgentError('AGENT_ABORTED', `${source} was not waited for.`, { source }, { cause });
    throw new AgentError(
      'AGENT_FILE_MISSING',
      `${source} ${REASONS[code] ?? `cannot be read (${code}): does it exist, and may you read it?`}`,
      { source },
      { cause },
    );
  }
  if (bytes === undefined) {
    throw new AgentError('AGENT_BAD_DATA', `${source} has more than ${bytesMax} bytes.`, { source });
  }
  return new TextDecoder().decode(bytes);
}
