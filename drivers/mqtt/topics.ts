import { DriversError } from '../errors.ts';

export const channels = [
  'vote',
  'proposal',
  'transaction',
  'sync-request',
  'block',
  'sync-response',
  'snapshot-request',
  'snapshot-response',
] as const;
export type Channel = (typeof channels)[number];

/** Names that may stand in a topic. Anything else could be a wildcard or a level of its own. */
export const idPattern = /^[a-z0-9-]{1,64}$/;
const version = '1';

export type Topics = {
  readonly subscriptions: readonly string[];
  /** The topic of a message to everybody, or to one node. Throws DRIVERS_BAD_TOPIC on a bad name. */
  of(message: { channel: Channel; to?: string }): string;
  /** The channel and the publisher, or undefined where the topic is not one of ours. */
  parse(topic: string): { channel: Channel; from: string } | undefined;
};

/**
 * Topics of one network as one node sees them: `g/<network>/1/<channel>/<from>` to everybody and
 * `g/<network>/1/<channel>/<to>/<from>` to one. The publisher is always the last level, so that a broker's
 * access list can bind it to the client's certificate (`pattern write g/+/+/+/%u`). Trust never rests on
 * the topic: messages are signed.
 */
export function topicsOf(network: string, nodeId: string): Topics {
  requireId('network', network);
  requireId('nodeId', nodeId);
  const root = `g/${network}/${version}`;
  return {
    // Two, not two a channel: what a broker keeps of a session grows with them.
    subscriptions: [`${root}/+/+`, `${root}/+/${nodeId}/+`],
    of: ({ channel, to }) => {
      if (to === undefined) return `${root}/${channel}/${nodeId}`;
      requireId('to', to);
      return `${root}/${channel}/${to}/${nodeId}`;
    },
    parse: (topic) => {
      if (!topic.startsWith(`${root}/`)) return undefined;
      const levels = topic.slice(root.length + 1).split('/');
      const channel = channels.find((known) => known === levels[0]);
      const from = levels.at(-1);
      if (channel === undefined || from === undefined || !idPattern.test(from)) return undefined;
      const forMe = levels.length === 2 || (levels.length === 3 && levels[1] === nodeId);
      return forMe ? { channel, from } : undefined;
    },
  };
}

/** The retained topic on which a neighbourhood in simulated time hears what time it is. */
export function clockTopicOf(network: string): string {
  requireId('network', network);
  return `g/${network}/${version}/clock`;
}

export function requireId(what: string, id: string): void {
  if (!idPattern.test(id))
    throw new DriversError('DRIVERS_BAD_TOPIC', `${what} must match ${idPattern.source}, got "${id}".`, {
      what,
      id,
    });
}

/** Raw topics are taken literally: no wildcards, none of the broker's own. */
export function requireRawTopic(topic: string): void {
  if (topic.length === 0 || topic.length > 256 || /[+#\0]/.test(topic) || topic.startsWith('$'))
    throw new DriversError('DRIVERS_BAD_TOPIC', `Not a topic to publish to: "${topic.slice(0, 256)}".`, {
      topic,
    });
}
