import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { AgentError } from '../errors.ts';
import { readPassphraseFile } from '../passphrase-file.ts';
import type { CliIo } from './actions.ts';

/**
 * The passphrase of a key: the first line of a file that is its owner's alone, or what is typed unseen at a terminal.
 *
 * @param twice asked for again, where a mistake would lock the key for ever.
 * @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_OPTION when there is neither, or it will not do.
 */
export async function readPassphrase(
  { file, twice = false }: { readonly file?: string | undefined; readonly twice?: boolean },
  io: CliIo,
): Promise<string> {
  const passphrase = file === undefined ? await ask('Passphrase: ', io) : await readPassphraseFile(file);
  if (passphrase === '') throw new AgentError('AGENT_BAD_OPTION', 'an empty passphrase protects nothing.');
  if (file === undefined && twice && (await ask('Again: ', io)) !== passphrase)
    throw new AgentError('AGENT_BAD_OPTION', 'the two passphrases are not the same; nothing was done.');
  return passphrase;
}

/** What is typed is not shown. */
function ask(question: string, { stderr }: CliIo): Promise<string> {
  if (process.stdin.isTTY !== true) {
    throw new AgentError(
      'AGENT_BAD_OPTION',
      'there is no terminal to ask for the passphrase: give --passphrase-file FILE.',
    );
  }
  stderr.write(question);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: unseen, terminal: true });
  return new Promise((resolve, reject) => {
    terminal.once('SIGINT', () => {
      terminal.close();
      reject(new AgentError('AGENT_ABORTED', 'nothing was done.'));
    });
    terminal.question('', (answer) => {
      terminal.close();
      stderr.write('\n');
      resolve(answer);
    });
  });
}
