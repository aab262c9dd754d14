import { addressOf, formatGenesis, generateKey, publicKeyOf, toHex } from '../../consensus/index.ts';

export type Person = { readonly address: string; readonly publicKey: Uint8Array; readonly keyHex: string };

/** A committee, and one account more that only pays; all may spend for longer than any soak lasts. */
export function foundNetwork(network: string, validators: number) {
  const people = Array.from({ length: validators + 1 }, (_, index): Person => {
    const privateKey = generateKey(new Uint8Array(32).fill(index + 1));
    const publicKey = publicKeyOf(privateKey);
    return { address: addressOf(publicKey), publicKey, keyHex: toHex(privateKey) };
  });
  const client = people.pop()!;
  people.sort(byAddress);
  const accounts = [...people, client].sort(byAddress).map(({ address, publicKey }) => {
    const roles = address === client.address ? ['prosumer'] : ['prosumer', 'validator'];
    return { address, publicKey, roles, balanceMicro: 1_000_000_000n };
  });
  const genesis = formatGenesis({
    network,
    currency: 'EUR',
    timeMs: Date.UTC(2026, 0, 1),
    slotMs: 300_000,
    validators: people.map(({ address, publicKey }) => ({ address, publicKey })),
    accounts,
    parameters: {},
  });
  return { validators: people, client, genesis };
}

const byAddress = (left: { address: string }, right: { address: string }) =>
  left.address < right.address ? -1 : 1;
