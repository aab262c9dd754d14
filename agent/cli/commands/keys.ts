import type { Command } from 'commander';
import type { CliActions, CliIo } from '../actions.ts';
import { path } from '../option-values.ts';

export function registerKeys(program: Command, actions: CliActions, io: CliIo): void {
  const keys = program.command('keys').description('keys that sign for a home');
  keys
    .command('new')
    .description('make a key pair: the private key to a file of its own, address and public key to stdout')
    .requiredOption('--out <file>', 'file to make; one that exists is left alone')
    .action((raw: { out: string }) => actions.keysNew({ file: path('--out', raw.out) }, io));
}
