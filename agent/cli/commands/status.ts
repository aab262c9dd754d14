import type { Command } from 'commander';
import type { CliActions, CliIo } from '../actions.ts';
import { path } from '../option-values.ts';

export function registerStatus(program: Command, actions: CliActions, io: CliIo): void {
  program
    .command('status')
    .description('ask the running agent how it is')
    .requiredOption('--config <file>', 'configuration the agent runs with')
    .option('--json', 'answer as JSON')
    .action((raw: { config: string; json?: boolean }) =>
      actions.status({ configFile: path('--config', raw.config), json: raw.json === true }, io),
    );
}
