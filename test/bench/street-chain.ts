import {
  assembleBlock,
  type Executed,
  type FinalBlock,
  genesisHead,
  type Head,
  type SignedTransaction,
  signTransaction,
} from '../../consensus/chain/index.ts';
import {
  type ArgumentsOf,
  addressOf,
  buildCall,
  contract,
  formatGenesis,
  type Genesis,
  generateKey,
  type MethodName,
  parseGenesis,
  publicKeyOf,
  toHex,
} from '../../consensus/index.ts';
import { sealed } from '../consensus/chain-fixture.ts';

export type StreetPerson = {
  readonly address: string;
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
  readonly keyHex: string;
};

export type StreetChain = {
  readonly genesis: Genesis;
  readonly genesisText: string;
  readonly validators: readonly StreetPerson[];
  readonly homes: readonly StreetPerson[];
  readonly head: () => Head;
  /** The next final block with these calls, which must all succeed. */
  next(calls: readonly StreetCall[], afterMs?: number): NextBlock;
};

export type NextBlock = { readonly final: FinalBlock; readonly executed: Omit<Executed, 'ok'> };

export type StreetCall = { readonly from: StreetPerson; readonly method: string; readonly args: never };

/** A call of the contract's by one of the street's people. */
export function by<Name extends MethodName>(
  from: StreetPerson,
  name: Name,
  args: ArgumentsOf<Name>,
): StreetCall {
  const { method, args: encoded } = buildCall(name, args);
  return { from, method, args: encoded as never };
}

/** Far enough back that no chain made here reaches the present. */
const START_MS = Date.UTC(2024, 0, 1);

/** A chain of the shipped contract, made in one process as a committee would make it: every seal and signature is true. */
export function foundStreet({
  homes: count,
  validators: committee,
  slotMs,
  blockMs,
}: {
  readonly homes: number;
  readonly validators: number;
  readonly slotMs: number;
  /** From one block to the next. */
  readonly blockMs: number;
}): StreetChain {
  const people = Array.from({ length: count }, (_, index): StreetPerson => {
    const privateKey = generateKey(
      new Uint8Array(32).map((_, place) => (place === 0 ? 1 : place === 30 ? index >> 8 : index & 255)),
    );
    const publicKey = publicKeyOf(privateKey);
    return { address: addressOf(publicKey), publicKey, privateKey, keyHex: toHex(privateKey) };
  }).sort((left, right) => (left.address < right.address ? -1 : 1));
  const validators = people.slice(0, committee);
  const genesisText = formatGenesis({
    network: 'bench-street',
    currency: 'EUR',
    timeMs: START_MS,
    slotMs,
    validators: validators.map(({ address, publicKey }) => ({ address, publicKey })),
    accounts: people.map(({ address, publicKey }, index) => ({
      address,
      publicKey,
      roles: [
        'prosumer',
        ...(index < committee ? ['validator'] : []),
        ...(index === 0 ? ['dso', 'aggregator'] : []),
      ],
      balanceMicro: 1_000_000_000n,
    })),
    parameters: {},
  });
  const genesis = parseGenesis(genesisText);
  let head = genesisHead(genesis, contract);
  const nonces = new Map<string, number>();
  const signed = ({ from, method, args }: StreetCall): SignedTransaction => {
    const nonce = nonces.get(from.address) ?? 0;
    nonces.set(from.address, nonce + 1);
    const expiresMs = head.header.timeMs + 86_400_000;
    return signTransaction(
      { genesis: head.genesis, sender: from.address, nonce, method, args, expiresMs },
      from.privateKey,
      from.publicKey,
    );
  };
  return {
    genesis,
    genesisText,
    validators,
    homes: people,
    head: () => head,
    next(calls, afterMs = blockMs) {
      const { address: proposer } = validators[head.height % committee]!;
      const timeMs = head.header.timeMs + afterMs;
      const { block, dropped, ...executed } = assembleBlock(
        head,
        calls.map(signed),
        { proposer, timeMs },
        contract,
      );
      if (dropped[0] !== undefined) throw new Error(`${dropped[0].code}: ${dropped[0].reason}`);
      const certificate = sealed(head, block, { signers: validators });
      head = executed.next;
      return { final: { block, certificate }, executed };
    },
  };
}

/** Every home has a meter, registered and qualified. */
export function meters({ homes }: StreetChain): {
  readonly register: StreetCall[];
  readonly qualify: StreetCall[];
} {
  const deviceId = (index: number) => index.toString(16).padStart(64, '0');
  const capability = { importWMax: 17_000, exportWMax: 17_000, energyWh: 0 };
  return {
    register: homes.map((home, index) =>
      by(home, 'registry.registerDevice', { deviceId: deviceId(index), kind: 'meter', ...capability }),
    ),
    qualify: homes.map(({ address }, index) =>
      by(homes[0]!, 'registry.qualifyDevice', { owner: address, deviceId: deviceId(index) }),
    ),
  };
}

/** The record of a finished slot, as a home's agent tells it. */
export function record(home: StreetPerson, slotStartMs: number): StreetCall {
  const leavesRoot = toHex(home.publicKey.subarray(1));
  return by(home, 'metering.record', { slotStartMs, importWs: 1_234_567n, exportWs: 0n, leavesRoot });
}
