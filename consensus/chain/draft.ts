import type { ContractState } from '../contract/types.ts';
import type { StateChanges } from './state-tree.ts';

/** Changes on top of a state that is left as it is, until somebody takes them over or lets them go. */
export class Draft implements ContractState {
  readonly #below: { get(key: string): Uint8Array | undefined };
  readonly #changes = new Map<string, Uint8Array | null>();

  constructor(below: { get(key: string): Uint8Array | undefined }) {
    this.#below = below;
  }

  get(key: string): Uint8Array | undefined {
    const changed = this.#changes.get(key);
    return changed === undefined ? this.#below.get(key) : (changed ?? undefined);
  }

  set(key: string, value: Uint8Array): void {
    this.#changes.set(key, value);
  }

  delete(key: string): void {
    this.#changes.set(key, null);
  }

  get changes(): StateChanges {
    return this.#changes;
  }

  take(changes: StateChanges): void {
    for (const [key, value] of changes) this.#changes.set(key, value);
  }
}
