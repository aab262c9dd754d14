import { AgentError } from '../errors.ts';

/** What of the parser's own words is passed on: enough to find the place. */
const REASON_MAX = 100;

/**
 * The value of a file that people write.
 *
 * @throws AgentError AGENT_BAD_DATA naming `source` and what the parser stumbled over.
 */
export function parseJsonText(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message.replace(/[\p{C}\s]+/gu, ' ') : 'unknown reason';
    const reason = words.length > REASON_MAX ? `${words.slice(0, REASON_MAX)}...` : words;
    throw new AgentError(
      'AGENT_BAD_DATA',
      `${source} is not JSON (${reason}): correct it.`,
      { source },
      { cause },
    );
  }
}
