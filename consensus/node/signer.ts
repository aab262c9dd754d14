import { publicKeyOf } from '../crypto/index.ts';

export type KeyPair = { readonly privateKey: Uint8Array; readonly publicKey: Uint8Array };

/** Signs for one account, with the one of its keys that the newest block's state names. */
export type Signer = {
  /** Undefined while that is none of those at hand, or the account has none. */
  readonly current: () => KeyPair | undefined;
  /** Takes another key to hand, for when the ledger names it. */
  readonly take: (privateKey: Uint8Array) => void;
};

/** Those at hand: the one in use, the next one, and one that a broken-off change left behind. */
const KEYS_MAX = 3;

/**
 * @param named what the account signs with by the newest state
 * @throws ConsensusError CONSENSUS_BAD_KEY
 */
export function createSigner(
  privateKeys: readonly Uint8Array[],
  named: () => Uint8Array | undefined,
): Signer {
  let keys: KeyPair[] = [];
  const take = (privateKey: Uint8Array) => {
    const publicKey = publicKeyOf(privateKey);
    keys = [...keys.filter((known) => !same(known.publicKey, publicKey)), { privateKey, publicKey }];
    keys = keys.slice(-KEYS_MAX);
  };
  for (const privateKey of privateKeys) take(privateKey);
  return {
    current() {
      const wanted = named();
      return wanted === undefined ? undefined : keys.find(({ publicKey }) => same(publicKey, wanted));
    },
    take,
  };
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
