import { type Command, CommanderError } from 'commander';
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
  const program = createProgram(actions, io, version);
  try {
    if (words.length === 0) {
      throw new AgentError('AGENT_BAD_OPTION', 'no command given; see gridquorum --help.');
    }
    // Commander's own `help` knows the first word alone.
    const isDeepHelp = words[0] === 'help' && words.length > 2;
    await program.parseAsync(isDeepHelp ? [...words.slice(1), '--help'] : [...words], { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    const named = error instanceof CommanderError ? worded(error, commandIn(program, words)) : error;
    io.stderr.write(`${errorLine(named)}\n`);
    if (io.env.GRIDQUORUM_DEBUG && named instanceof Error) {
      const frames = (named.stack ?? '').split('\n').map(legible);
      io.stderr.write(`${frames.join('\n')}\n`);
    }
    return exitCodeOf(named);
  }
}

function worded(problem: CommanderError, command: string): AgentError {
  // `gridquorum keys` alone: commander answers with help, which is no error text.
  if (problem.code === 'commander.help') {
    return new AgentError('AGENT_BAD_OPTION', `${command} what? See gridquorum ${command} --help.`);
  }
  return new AgentError('AGENT_BAD_OPTION', usageProblem(problem, command), {}, { cause: problem });
}

/** The command that the first words name, such as `keys new`; empty when they name none. */
function commandIn(program: Command, words: readonly string[]): string {
  const [word = '', ...rest] = words;
  const inner = program.commands.find((command) => command.name() === word);
  return inner === undefined ? '' : `${word} ${commandIn(inner, rest)}`.trimEnd();
}
