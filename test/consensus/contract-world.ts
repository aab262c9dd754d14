import {
  type ArgumentsOf,
  applyCall,
  buildCall,
  type ContractEvent,
  type ContractState,
  genesisEntries,
  type MethodName,
  type OfferedMw,
  type Outcome,
  readAccount,
  readSession,
  readTurn,
} from '../../consensus/contract/index.ts';

/** A network on a Map, for the contract's tests: homes, an aggregator, a dso, and four validators. */
export class World {
  readonly entries = new Map<string, Uint8Array>();
  readonly events: ContractEvent[] = [];
  readonly homes: readonly string[];
  readonly #timeBox = { timeMs: START_MS - 86_400_000, height: 1 };

  constructor(homes: number, parameters: Record<string, bigint> = {}, slotMs = SLOT_MS) {
    this.homes = Array.from({ length: homes }, (_, index) => home(index));
    const entries = genesisEntries({
      slotMs,
      parameters,
      validators: [1, 2, 3, 4].map((index) => ({ ...member('f', index) })),
      accounts: [
        { ...member('a', 0), roles: ['aggregator'], balanceMicro: 0n },
        { ...member('d', 0), roles: ['dso'], balanceMicro: 0n },
        ...this.homes.map((_, index) => ({
          ...member('1', index),
          roles: ['prosumer'],
          balanceMicro: 1_000_000n,
        })),
      ],
    });
    for (const [key, value] of entries) this.entries.set(key, value);
  }

  readonly state: ContractState = {
    get: (key) => this.entries.get(key),
    set: (key, value) => void this.entries.set(key, value),
    delete: (key) => void this.entries.delete(key),
  };

  get timeMs(): number {
    return this.#timeBox.timeMs;
  }

  set timeMs(timeMs: number) {
    this.#timeBox.timeMs = timeMs;
  }

  /** Applies a raw call in a block of its own. */
  apply(sender: string, method: string, args: Parameters<typeof applyCall>[1]['args']): Outcome {
    this.#timeBox.height += 1;
    const { timeMs, height } = this.#timeBox;
    const outcome = applyCall(this.state, { sender, method, args }, { timeMs, height, genesis: GENESIS });
    if (outcome.ok) this.events.push(...outcome.events);
    return outcome;
  }

  /** The next call falls into the same block as the one before. */
  stay(): this {
    this.#timeBox.height -= 1;
    return this;
  }

  /** The code of a rejection, or 'ok'. */
  call<M extends MethodName>(sender: string, method: M, args: ArgumentsOf<M>): string {
    const outcome = this.apply(sender, method, buildCall(method, args).args);
    return outcome.ok ? 'ok' : outcome.code;
  }

  /** Calls that are expected to pass. */
  must<M extends MethodName>(sender: string, method: M, args: ArgumentsOf<M>): void {
    const outcome = this.apply(sender, method, buildCall(method, args).args);
    if (!outcome.ok) throw new Error(`${method}: ${outcome.code} ${outcome.reason}`);
  }

  /** Gives every home (or one) a qualified meter. */
  connect(homes: readonly string[] = this.homes, importWMax = 10_000, exportWMax = 10_000): this {
    for (const owner of homes) {
      const deviceId = meterOf(owner);
      this.must(owner, 'registry.registerDevice', {
        deviceId,
        kind: 'meter',
        importWMax,
        exportWMax,
        energyWh: 0,
      });
      this.must(DSO, 'registry.qualifyDevice', { owner, deviceId });
    }
    return this;
  }

  open(id: string, terms: Partial<ArgumentsOf<'coordination.open'>> = {}): this {
    this.must(AGGREGATOR, 'coordination.open', { ...openingTerms(terms.slots ?? 2), id, ...terms });
    return this;
  }

  /** Sum of the balances of everybody. */
  money(): bigint {
    const everybody = [...this.entries.keys()].filter((key) => key.startsWith('accounts/'));
    return everybody.reduce((sum, key) => sum + readAccount(this.state, key.slice(9))!.balanceMicro, 0n);
  }

  balances(): bigint[] {
    return this.homes.map((owner) => readAccount(this.state, owner)!.balanceMicro);
  }

  /** The state as it is now. Values are never written into, so the same ones mean the same bytes. */
  snapshot(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.entries);
  }

  unchangedSince(before: ReadonlyMap<string, Uint8Array>): boolean {
    return (
      before.size === this.entries.size &&
      [...before].every(([key, value]) => this.entries.get(key) === value)
    );
  }
}

const GENESIS = '5e'.repeat(32);
export const SLOT_MS = 900_000;
export const START_MS = 1_500_000_000_000 - (1_500_000_000_000 % 86_400_000);

export function openingTerms(slots: number): Omit<ArgumentsOf<'coordination.open'>, 'id'> {
  return {
    startMs: START_MS,
    slotMs: SLOT_MS,
    slots,
    form: 'pool',
    penaltyMicro: 50_000n,
    penaltyMicroMax: 50_000n,
    penaltyGrowthPermille: 1000,
    relaxationPermille: 1000,
    tolerancePrimalMw: 1000,
    toleranceDualMw: 1000,
    maxRounds: 50,
    memoryRounds: 0,
    roundMs: 60_000,
    startPrices: new Array<bigint>(slots).fill(200_000n),
    startFrom: '',
  };
}

export function address(letter: string, index: number): string {
  return letter + index.toString(16).padStart(39, '0');
}

/** Nobody signs here: any bytes do for a key. */
function member(letter: string, index: number) {
  const name = address(letter, index);
  return { address: name, publicKey: Uint8Array.from(Buffer.from(name.padStart(66, '0'), 'hex')) };
}

export function home(index: number): string {
  return address('1', index);
}

export function meterOf(owner: string): string {
  return owner.padEnd(64, '0');
}

export const AGGREGATOR = address('a', 0);
export const DSO = address('d', 0);

export type Form = 'pool' | 'pairwise';

/** The session that tests of rounds open. */
export const ID = '2017-05-08/pool';

/** The offers of the round under way, by home. */
export function offerAll(world: World, offers: readonly OfferedMw[], homes = world.homes): void {
  const { round } = readSession(world.state, ID)!;
  for (const [index, owner] of homes.entries()) {
    world.must(owner, 'coordination.offer', { id: ID, round, soldMw: offers[index]! });
  }
}

/** Prices, and targets as the homes still in are told them: by home (pool) or by pair, lower address first. */
export function positionOf(world: World): { targets: number[]; prices: number[] } {
  const { left, pricesMicro } = readSession(world.state, ID)!;
  const stillIn = world.homes.filter((owner) => !left.includes(owner));
  const targets: number[] = [];
  for (const owner of stillIn) {
    const turn = readTurn(world.state, ID, owner)!;
    if (turn.form === 'pool') {
      targets.push(...turn.targetsMw);
      continue;
    }
    for (const [place, other] of turn.others.entries()) {
      if (other > owner) targets.push(...turn.targetsMw[place]!);
    }
  }
  return { targets, prices: pricesMicro.map(Number) };
}
