import type { Command } from 'commander';
import type { CliActions, CliIo, ProveOptions } from '../actions.ts';
import { badOption, hexBytes, path } from '../option-values.ts';

export function registerProve(program: Command, actions: CliActions, io: CliIo): void {
  const prove = program
    .command('prove')
    .description('prove something on the ledger to who has neither ledger nor network: see verify');
  const claim = (words: string, description: string, claimOf: (words: string[]) => ProveOptions['claim']) =>
    prove
      .command(words)
      .description(description)
      .requiredOption('--config <file>', 'configuration of the agent, running or not')
      .option('--since <file>', 'checkpoint or genesis that who verifies trusts (default: as the agent)')
      .option('--out <file>', 'where the proof goes (default: stdout)')
      .action((...given: unknown[]) => {
        const { config, out, since } = given.at(-2) as { config: string; out?: string; since?: string };
        return actions.prove(
          {
            configFile: path('--config', config),
            ...(out !== undefined && { outFile: path('--out', out) }),
            ...(since !== undefined && { sinceFile: path('--since', since) }),
            claim: claimOf(given.slice(0, -2) as string[]),
          },
          io,
        );
      });
  claim('balance <address>', 'balance and energy of an account', ([address = '']) => ({
    kind: 'balance',
    account: hexBytes('<address>', address, 20),
  }));
  claim('reading <address> <start>', "what a home's meter counted in the slot that starts then", (words) => ({
    kind: 'reading',
    home: hexBytes('<address>', words[0] ?? '', 20),
    slotStartMs: instant('<start>', words[1] ?? ''),
  }));
  claim(
    'trade <session> <address>',
    'what a home traded in a session, like 2026-11-22/pool, and what it was paid',
    (words) => ({
      kind: 'trade',
      session: sessionId(words[0] ?? ''),
      home: hexBytes('<address>', words[1] ?? '', 20),
    }),
  );
  claim(
    'entry <key>',
    'any entry of the state, like accounts/ADDRESS, or that there is none',
    ([key = '']) => ({
      kind: 'entry',
      key: stateKey(key),
    }),
  );
  claim('checkpoint', 'who decides after the newest epoch: a checkpoint that others may trust', () => ({
    kind: 'checkpoint',
  }));
}

/** ISO 8601 with its zone, or milliseconds since 1970. */
function instant(option: string, given: string): number {
  const isIso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(given);
  const ms = isIso ? Date.parse(given) : /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
  if (!Number.isSafeInteger(ms) || ms < 0)
    throw badOption(option, given, 'give a time like 2026-06-01T12:00Z, or milliseconds since 1970');
  return ms;
}

function sessionId(given: string): string {
  if (!/^[0-9A-Za-z][0-9A-Za-z._:/-]{0,39}$/.test(given))
    throw badOption('<session>', given, 'give the id of a session, like 2026-06-01/pool');
  return given;
}

function stateKey(given: string): string {
  if (given === '' || given.length > 1024 || /[\p{Surrogate}\ufeff]/u.test(given))
    throw badOption('<key>', given, 'give the key of an entry, like accounts/ADDRESS');
  return given;
}
