import { CommanderError } from 'commander';
import { AgentError } from '../errors.ts';
import { legible } from '../terminal/legible.ts';
import type { CliActions, CliIo } from './actions.ts';
import { usageProblem } from './demo-options.ts';
import { type ExitCode, errorLine, exitCodeOf, exitCodes } from './exit-codes.ts';
import { createProgram } from './program.ts';

/**
 * Runs one command line to its end. Whatever goes wrong is one line on stderr and an exit status; with
 * GRIDQUORUM_DEBUG set the stack follows.
 */
export async function runCommandLine(
  words: readonly string[],
  actions: CliActions,
  io: CliIo,
  version: string,
): Promise<ExitCode> {
  try {
    if (words.length === 0) {
      throw new AgentError('AGENT_BAD_OPTION', 'no command given; see gridquorum --help.');
    }
    await createProgram(actions, io, version).parseAsync([...words], { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    const named = error instanceof CommanderError ? worded(error, words) : error;
    io.stderr.write(`${errorLine(named)}\n`);
    if (io.env.GRIDQUORUM_DEBUG && named instanceof Error) {
      const frames = (named.stack ?? '').split('\n').map(legible);
      io.stderr.write(`${frames.join('\n')}\n`);
    }
    return exitCodeOf(named);
  }
}

function worded(problem: CommanderError, words: readonly string[]): AgentError {
  // `gridquorum keys` alone: commander answers with help, which is no error text.
  const command = words[0] ?? '';
  const known = commandNames.includes(command) ? command : '';
  if (problem.code === 'commander.help') {
    return new AgentError('AGENT_BAD_OPTION', `${command} what? See gridquorum ${known} --help.`);
  }
  return new AgentError('AGENT_BAD_OPTION', usageProblem(problem, known), {}, { cause: problem });
}

const commandNames = [
  ...[
    'demo',
    'rounds',
    'run',
    'status',
    'committee',
    'vote',
    'prove',
    'verify',
    'schedule',
    'emulate',
    'forecast',
    'qp',
    'keys',
  ],
];
