import {
  type ArgumentsOf,
  buildCall,
  ConsensusError,
  type Head,
  type LedgerNode,
  type MethodName,
  type Submitted,
} from '../consensus/index.ts';
import { type Clock, untilProven } from './clock/clock.ts';
import { AgentError } from './errors.ts';
import type { Log } from './log.ts';

/**
 * Waits until the ledger's newest state shows what is looked for. Looks at once, at every final block, and when the
 * ledger has caught up: before that it may show as open what is long over (see {@link untilCurrent}).
 *
 * @throws AgentError AGENT_ABORTED when the signal fires first.
 */
export const untilHead = <Found>(
  node: LedgerNode,
  look: (head: Head) => Found | undefined,
  signal: AbortSignal,
): Promise<Found> =>
  new Promise((resolve, reject) => {
    const finish = (act: () => void) => {
      for (const stop of listening) stop();
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onAbort = () => finish(() => reject(new AgentError('AGENT_ABORTED', 'The agent is stopping.')));
    const attempt = () => {
      let found: Found | undefined;
      try {
        found = look(node.head);
      } catch (error) {
        finish(() => reject(error));
        return;
      }
      if (found !== undefined) finish(() => resolve(found));
    };
    const listening = [node.onHead(attempt), node.onCaughtUp(attempt)];
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else attempt();
  });

/**
 * Waits while the ledger is catching up. Whoever says something by an old head says again what was said, or what nobody
 * wants to hear any more. What such a head shows as final is final all the same: it need not be waited for.
 *
 * @throws AgentError AGENT_ABORTED when the signal fires first.
 */
export const untilCurrent = (node: LedgerNode, signal: AbortSignal): Promise<true> =>
  untilHead(node, () => (node.isCatchingUp() ? undefined : true), signal);

/** Waits for the ledger like {@link untilHead}, but no longer than to the given time, once it is proven; undefined then. */
export async function untilHeadOrTime<Found>(
  { node, clock }: { readonly node: LedgerNode; readonly clock: Clock },
  look: (head: Head) => Found | undefined,
  { timeMs, signal }: { readonly timeMs: number; readonly signal: AbortSignal },
): Promise<Found | undefined> {
  const decided = new AbortController();
  const stop = AbortSignal.any([signal, decided.signal]);
  const ledger = untilHead(node, look, stop);
  const time = untilProven(clock, timeMs, stop).then(() => undefined);
  try {
    return await Promise.race([ledger, time]);
  } finally {
    decided.abort();
    await Promise.allSettled([ledger, time]);
  }
}

/** How long a call stays valid: long enough to outlive an outage, short enough not to surprise. */
const CALL_LIFETIME_MS = 7 * 86_400_000;

export type Submitter = { readonly node: LedgerNode; readonly clock: Clock; readonly log: Log };

/**
 * Hands a call to the ledger; it is on disk before it is sent, and sent until it is final. A rejection is an
 * expected outcome: it is told, and answered with false.
 */
export async function submit<Name extends MethodName>(
  submitter: Submitter,
  method: Name,
  args: ArgumentsOf<Name>,
): Promise<boolean> {
  return (await trySubmit(submitter, method, args)).ok;
}

/** Like {@link submit}, for those who want to know why not. */
export async function trySubmit<Name extends MethodName>(
  { node, clock, log }: Submitter,
  method: Name,
  args: ArgumentsOf<Name>,
): Promise<Submitted> {
  const outcome = await node.submit({
    ...buildCall(method, args),
    // A clock that is behind must not make it expire before it is heard.
    expiresMs: Math.max(clock.utcMs(), node.head.header.timeMs) + CALL_LIFETIME_MS,
  });
  if (!outcome.ok)
    log({ event: 'call-rejected', level: 'warn', method, code: outcome.code, reason: outcome.reason });
  return outcome;
}

/** How long somebody waits for a call of his. */
const ORDER_MS = 60_000;

/**
 * Hands over a call for somebody who waits until it is final.
 *
 * @throws AgentError AGENT_REFUSED with the contract's reason; AGENT_TIMEOUT when it is not final in a minute: it is kept
 * and sent, and may become so still.
 */
export async function order<Name extends MethodName>(
  submitter: Submitter,
  method: Name,
  args: ArgumentsOf<Name>,
): Promise<{ readonly height: number }> {
  const refused = ({ code, reason }: { readonly code: string; readonly reason: string }) =>
    new AgentError('AGENT_REFUSED', `The contract refuses it: ${reason} (${code}).`, { code });
  const submitted = await trySubmit(submitter, method, args);
  if (!submitted.ok) throw refused(submitted);
  const outcome = await submitter.node
    .whenFinal(submitted.id, { timeoutMs: ORDER_MS })
    .catch((cause: unknown) => {
      if (!(cause instanceof ConsensusError)) throw cause;
      throw new AgentError(
        'AGENT_TIMEOUT',
        'It is kept and sent, but not final after a minute: are enough validators running? See gridquorum committee.',
        {},
        { cause },
      );
    });
  if (!outcome.ok) throw refused(outcome);
  return { height: outcome.height };
}
