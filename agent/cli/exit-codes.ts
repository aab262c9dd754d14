import { AgentError } from '../errors.ts';
import { legible } from '../terminal/legible.ts';

/**
 * What the shell is told.
 *
 *   0    done
 *   1    it failed for a reason the caller did not give: a child died, a store is in doubt, a device or broker
 *        could not be reached in time, or a fault of ours
 *   2    what was given is wrong - command, option, configuration file, data - and nothing was started
 *   75   the disk is full: nothing confirmed is lost, and the same command goes on once there is space, so that a
 *        supervisor may try again and again (EX_TEMPFAIL of sysexits.h)
 *   130  ended by Ctrl-C before it was done
 */
export const exitCodes = { done: 0, failed: 1, badInput: 2, diskFull: 75, interrupted: 130 } as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Files that a configuration names, and that are wrong. By code: the ledger is not loaded for an exit status. */
const badFiles: ReadonlySet<unknown> = new Set([
  'CONSENSUS_BAD_GENESIS',
  'CONSENSUS_BAD_KEY',
  'CONSENSUS_KEY_EXPOSED',
  'CONSENSUS_KEY_LOCKED',
  'DRIVERS_BAD_CREDENTIALS',
]);

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Error && 'code' in error && error.code === 'CONSENSUS_STORE_FULL')
    return exitCodes.diskFull;
  if (error instanceof Error && 'code' in error && badFiles.has(error.code)) return exitCodes.badInput;
  if (!(error instanceof AgentError)) return exitCodes.failed;
  switch (error.code) {
    case 'AGENT_BAD_OPTION':
    case 'AGENT_BAD_CONFIG':
    case 'AGENT_BAD_DATA':
    case 'AGENT_FILE_MISSING':
      return exitCodes.badInput;
    case 'AGENT_DISK_FULL':
      return exitCodes.diskFull;
    case 'AGENT_ABORTED':
      return exitCodes.interrupted;
    default:
      return exitCodes.failed;
  }
}

/** One line for people, with the code they can search for. */
export function errorLine(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? ` [${String(error.code)}]` : '';
  const message = error instanceof Error ? error.message : String(error);
  return `gridquorum: ${legible(message.replace(/\s*[\r\n]+\s*/g, ' ').trim())}${code}`;
}
