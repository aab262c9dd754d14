import { loadConfig } from '../config/load.ts';
import { orderLocalApi } from '../diagnostics/local-api.ts';
import type { Rotated } from '../own-key.ts';
import { lookOf, renderFacts } from '../terminal/index.ts';
import type { CliIo, KeysRotateOptions } from './actions.ts';

/**
 * Lets the running agent change its key, and tells the new one once the ledger has taken it.
 *
 * @throws AgentError AGENT_REFUSED with the contract's reason; AGENT_TIMEOUT when it is not final; others of the local socket.
 */
export async function keysRotate({ configFile, json }: KeysRotateOptions, io: CliIo): Promise<void> {
  const { directory, keyFile } = await loadConfig(configFile);
  const rotated = (await orderLocalApi(
    directory,
    '/rotate-key',
    {},
    {
      findOut: `See whose public key it is with gridquorum keys show ${keyFile}. With ${keyFile}.next beside it the change is under way: let the agent run, and rotate again to take it up.`,
    },
  )) as Rotated;
  if (json) {
    io.stdout.write(`${JSON.stringify(rotated)}\n`);
    return;
  }
  const facts = [
    { label: 'address', value: rotated.address },
    { label: 'public key', value: rotated.publicKey },
    { label: 'since', value: `block ${rotated.height}` },
    { label: 'key file', value: keyFile },
  ];
  io.stdout.write(`${renderFacts('Signs with a new key', facts, lookOf(io.stdout, io.env))}\n`);
}
