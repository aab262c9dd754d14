import type { Command } from 'commander';
import type { CliActions, CliIo } from '../actions.ts';
import { path } from '../option-values.ts';

export function registerCommittee(program: Command, actions: CliActions, io: CliIo): void {
  program
    .command('committee')
    .description('who seals the ledger, and what is being voted on')
    .requiredOption('--config <file>', 'configuration of a running agent')
    .option('--json', 'as JSON to stdout', false)
    .action(({ config, json }: { config: string; json: boolean }) =>
      actions.committee({ configFile: path('--config', config), json }, io),
    );
}
