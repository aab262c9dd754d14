import { Command } from 'commander';
import type { CliActions, CliIo } from './actions.ts';
import { registerCommittee } from './commands/committee.ts';
import { registerDemo } from './commands/demo.ts';
import { registerEmulate } from './commands/emulate.ts';
import { registerForecast } from './commands/forecast.ts';
import { registerKeys } from './commands/keys.ts';
import { registerProve } from './commands/prove.ts';
import { registerQp } from './commands/qp.ts';
import { registerRounds } from './commands/rounds.ts';
import { registerRun } from './commands/run.ts';
import { registerSchedule } from './commands/schedule.ts';
import { registerStatus } from './commands/status.ts';
import { registerVerify } from './commands/verify.ts';
import { registerVote } from './commands/vote.ts';

/** The whole command line. It throws CommanderError instead of ending the process: command-line.ts decides on that. */
export function createProgram(actions: CliActions, io: CliIo, version: string): Command {
  const program = new Command('gridquorum')
    .description('Plans a home’s energy, trades with neighbours on a final ledger, and proves delivery.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print help of a command')
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 failed, 2 wrong options, configuration or data,\n75 disk full, 130 interrupted.\n',
    );
  registerDemo(program, actions, io);
  registerRounds(program, actions, io);
  registerRun(program, actions, io);
  registerStatus(program, actions, io);
  registerCommittee(program, actions, io);
  registerVote(program, actions, io);
  registerProve(program, actions, io);
  registerVerify(program, actions, io);
  registerSchedule(program, actions, io);
  registerEmulate(program, actions, io);
  registerForecast(program, actions, io);
  registerQp(program, actions, io);
  registerKeys(program, actions, io);
  takeOver(program, io);
  return program;
}

/** Help goes to stdout, complaints nowhere: command-line.ts words them. */
function takeOver(command: Command, io: CliIo): void {
  command.exitOverride();
  command.configureHelp({ minWidthToWrap: 20 });
  command.configureOutput({
    writeOut: (text) => void io.stdout.write(text),
    writeErr: () => undefined,
    outputError: () => undefined,
    getOutHelpWidth: () => io.stdout.columns ?? 80,
  });
  for (const inner of command.commands) takeOver(inner, io);
}
