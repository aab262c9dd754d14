import type { Command } from 'commander';
import type { CliActions, CliIo, VoteOptions } from '../actions.ts';
import { hexBytes, path } from '../option-values.ts';

export function registerVote(program: Command, actions: CliActions, io: CliIo): void {
  const vote = program
    .command('vote')
    .description('vote as a validator: more than half of them give and take seats, and take and give keys');
  const motion = (words: string, description: string, ballotOf: (words: string[]) => VoteOptions['ballot']) =>
    vote
      .command(words)
      .description(description)
      .requiredOption('--config <file>', 'configuration of the running validator that votes')
      .option('--json', 'as JSON to stdout', false)
      .action((...given: unknown[]) => {
        const { config, json } = given.at(-2) as { config: string; json: boolean };
        const ballot = ballotOf(given.slice(0, -2) as string[]);
        return actions.vote({ configFile: path('--config', config), json, ballot }, io);
      });
  motion('add <publicKey>', 'give a seat to the account of this key', ([key = '']) => ({
    motion: 'add',
    target: null,
    publicKey: hexBytes('<publicKey>', key, 33),
  }));
  motion('drop <address>', 'take the seat of this account', ([address = '']) => ({
    motion: 'drop',
    target: hexBytes('<address>', address, 20),
    publicKey: null,
  }));
  motion(
    'revoke <address>',
    'take the key of an account, of a lost meter for one: it can send nothing more',
    ([address = '']) => ({ motion: 'revoke', target: hexBytes('<address>', address, 20), publicKey: null }),
  );
  motion(
    'rekey <address> <publicKey>',
    'give an account that has lost its key another: address and balance stay',
    ([address = '', key = '']) => ({
      motion: 'rekey',
      target: hexBytes('<address>', address, 20),
      publicKey: hexBytes('<publicKey>', key, 33),
    }),
  );
}
