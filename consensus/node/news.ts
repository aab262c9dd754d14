import type { Block, Executed, Head } from '../chain/index.ts';
import type { ContractEvent } from '../contract/types.ts';
import { faultsTolerated } from '../protocol/index.ts';
import { isValidator, type Shared } from './shared.ts';

/** `events` by transaction, in the block's order. */
export type BlockListener = (block: Block, events: readonly (readonly ContractEvent[])[], head: Head) => void;

export type HeadListener = (head: Head) => void;

/** Tells of blocks and heads: whoever listens, and the log when another committee decides. */
export type News = {
  /** These return the way to stop listening. */
  readonly onBlock: (listener: BlockListener) => () => void;
  readonly onHead: (listener: HeadListener) => () => void;
  readonly onCaughtUp: (listener: () => void) => () => void;
  /** A final block has been stored. */
  readonly tellBlock: (block: Block, executed: Executed) => void;
  /** There is a new head, by a block or by a snapshot. */
  readonly tellHead: () => void;
  /** The head is the newest again, as far as anybody shows. */
  readonly tellCaughtUp: () => void;
  /** Says who decides, and whether this node can, if that has changed. */
  readonly noteSeats: () => void;
};

export function createNews(shared: Shared): News {
  const { head, signer, log } = shared;
  const blockListeners = new Set<BlockListener>();
  const headListeners = new Set<HeadListener>();
  const caughtUpListeners = new Set<() => void>();
  let noted = '';

  const noteSeats = () => {
    const { height, header, validators: members } = head();
    const hasSeat = isValidator(shared);
    const keyIsKnown = signer.current() !== undefined;
    const now = `${header.validatorsHash} ${keyIsKnown}`;
    if (now === noted) return;
    noted = now;
    const validators = members.length;
    log({ event: 'committee', height, validators, hasSeat, keyIsKnown });
    if (faultsTolerated(validators) === 0) log({ event: 'no-liar-tolerated', validators, neededForOne: 4 });
    if (hasSeat && !keyIsKnown) log({ event: 'seat-without-key', height });
  };

  /** What a listener does with the news is its own affair, and no reason for the ledger to stop. */
  const tellAll = <Listener>(listeners: ReadonlySet<Listener>, tell: (listener: Listener) => void) => {
    for (const listener of listeners) {
      try {
        tell(listener);
      } catch (error) {
        log({ event: 'listener-failed', height: head().height, reason: String(error) });
      }
    }
  };

  const subscribe = <Listener>(listeners: Set<Listener>, listener: Listener) => {
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  };

  return {
    onBlock: (listener) => subscribe(blockListeners, listener),
    onHead: (listener) => subscribe(headListeners, listener),
    onCaughtUp: (listener) => subscribe(caughtUpListeners, listener),
    tellBlock: (block, { events, next }) =>
      tellAll(blockListeners, (listener) => listener(block, events, next)),
    tellHead() {
      noteSeats();
      tellAll(headListeners, (listener) => listener(head()));
    },
    tellCaughtUp: () => tellAll(caughtUpListeners, (listener) => listener()),
    noteSeats,
  };
}
