import type { Command } from 'commander';
import type { CliActions, CliIo } from '../actions.ts';
import { path } from '../option-values.ts';

export function registerVerify(program: Command, actions: CliActions, io: CliIo): void {
  program
    .command('verify')
    .description('check a proof with nothing but it and what is trusted: no network, no ledger, no key')
    .argument('<file>', 'proof that `gridquorum prove` made; - for standard input')
    .requiredOption('--checkpoint <file>', 'what is trusted: a genesis, or a checkpoint')
    .option('--json', 'as JSON to stdout', false)
    .addHelpText('after', '\nExit status: 0 proven, 1 not proven, 2 wrong options or files.\n')
    .action((file: string, raw: { checkpoint: string; json: boolean }) =>
      actions.verify(
        {
          file: path('<file>', file),
          checkpointFile: path('--checkpoint', raw.checkpoint),
          json: raw.json,
        },
        io,
      ),
    );
}
