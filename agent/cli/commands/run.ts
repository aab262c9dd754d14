import type { Command } from 'commander';
import type { CliActions, CliIo } from '../actions.ts';
import { path } from '../option-values.ts';

export function registerRun(program: Command, actions: CliActions, io: CliIo): void {
  program
    .command('run')
    .description('run the agent of one home until it is told to stop (SIGTERM or Ctrl-C)')
    .requiredOption('--config <file>', 'configuration, YAML')
    .action((raw: { config: string }) => actions.run({ configFile: path('--config', raw.config) }, io));
}
