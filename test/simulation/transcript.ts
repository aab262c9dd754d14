import type { Envelope } from '../../consensus/network/index.ts';
import { digestOf } from '../../consensus/protocol/index.ts';
import { kindOf } from './network.ts';

/** One line of a story's transcript: virtual milliseconds, then who does what. */
export function lineAt(nowMs: number, line: string): string {
  return `${nowMs.toFixed(1).padStart(9)} ${line}`;
}

/** What is said, in a few words. */
export function describe(envelope: Envelope): string {
  if (!('message' in envelope)) {
    if (envelope.channel === 'sync-request') return `sync-request from ${envelope.fromHeight}`;
    if (envelope.channel === 'sync-response')
      return `sync-response ${envelope.finalBlocks.length} of ${envelope.headHeight}`;
    if (envelope.channel === 'transaction') return `transactions ${envelope.transactions.length}`;
    return envelope.channel === 'block' ? `block ${envelope.height}` : envelope.channel;
  }
  const { message } = envelope;
  const digest = digestOf(message)?.slice(0, 8) ?? '';
  const prepared =
    message.kind === 'round-change' && message.prepared !== null
      ? ` prepared in ${message.prepared.round}`
      : '';
  return `${kindOf(envelope)} ${message.height}/${message.round} ${digest}${prepared}`;
}
