import type { Command } from 'commander';
import type { CliActions, CliIo } from '../actions.ts';
import { hexBytes, path } from '../option-values.ts';

const passphraseFlag = '--passphrase-file <file>';
const passphraseHelp = 'its first line, mode 0600; asked for at the terminal without it';

export function registerKeys(program: Command, actions: CliActions, io: CliIo): void {
  const keys = program.command('keys').description('keys that sign for a home');
  keys
    .command('new')
    .description('make a key pair: the private key to a file of its own, address and public key to stdout')
    .requiredOption('--out <file>', 'file to make; one that exists is left alone')
    .option('--for <address>', 'account that it is to sign for, once the validators have voted so')
    .option('--encrypt', 'under a passphrase', false)
    .option(passphraseFlag, passphraseHelp)
    .action((raw: { out: string; for?: string; encrypt: boolean; passphraseFile?: string }) =>
      actions.keysNew(
        {
          file: path('--out', raw.out),
          encrypt: raw.encrypt || raw.passphraseFile !== undefined,
          ...(raw.for !== undefined && { account: hexBytes('--for', raw.for, 20) }),
          ...passphraseOf(raw),
        },
        io,
      ),
    );
  keys
    .command('show')
    .description('whose key a file holds; its passphrase is not needed')
    .argument('<file>')
    .option('--json', 'as JSON to stdout', false)
    .action((file: string, { json }: { json: boolean }) =>
      actions.keysShow({ file: path('<file>', file), json }, io),
    );
  keys
    .command('encrypt')
    .description('put a key file under a passphrase, in its place')
    .argument('<file>')
    .option(passphraseFlag, passphraseHelp)
    .action((file: string, raw: { passphraseFile?: string }) =>
      actions.keysEncrypt({ file: path('<file>', file), ...passphraseOf(raw) }, io),
    );
  keys
    .command('rotate')
    .description('give the running agent’s account a new key: address, balance and seat stay')
    .requiredOption('--config <file>', 'configuration the agent runs with')
    .option('--json', 'as JSON to stdout', false)
    .action(({ config, json }: { config: string; json: boolean }) =>
      actions.keysRotate({ configFile: path('--config', config), json }, io),
    );
}

const passphraseOf = ({ passphraseFile }: { passphraseFile?: string }) =>
  passphraseFile === undefined ? {} : { passphraseFile: path('--passphrase-file', passphraseFile) };
