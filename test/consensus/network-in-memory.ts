import type { Channel, Received, Transport } from '../../consensus/network/index.ts';

/** A network within one process, for tests: every message takes a turn of the event loop, and may be meddled with. */
export type MemoryNetwork = {
  readonly join: (name: string) => MemoryTransport;
  /** Puts a message on the way to one member under any name: names prove nothing. */
  readonly say: (message: Received & { readonly to: string }) => void;
  /** Decides on every message; false loses it. */
  filter: (message: { channel: Channel; from: string; to: string; payload: Uint8Array }) => boolean;
};

export type MemoryTransport = Transport & {
  /** Takes the node off the network or puts it back. */
  setUp: (up: boolean) => void;
  /** What the node was sent, counted by channel. */
  readonly received: Map<Channel, number>;
};

export function createMemoryNetwork(): MemoryNetwork {
  const members = new Map<string, { deliver: (message: Received) => void }>();
  const network: MemoryNetwork = {
    filter: () => true,
    join,
    say({ to, ...message }) {
      setImmediate(() => members.get(to)?.deliver(message));
    },
  };

  function join(name: string): MemoryTransport {
    const messageListeners = new Set<(message: Received) => void>();
    const connectionListeners = new Set<(up: boolean) => void>();
    const received = new Map<Channel, number>();
    let up = true;
    members.set(name, {
      deliver(message) {
        if (!up) return;
        received.set(message.channel, (received.get(message.channel) ?? 0) + 1);
        for (const listener of messageListeners) listener(message);
      },
    });
    return {
      received,
      get connected() {
        return up;
      },
      publish({ channel, to, payload }) {
        if (!up) return false;
        const copy = payload.slice();
        for (const other of to === undefined ? [...members.keys()] : [to]) {
          if (other === name || !network.filter({ channel, from: name, to: other, payload: copy })) continue;
          setImmediate(() => members.get(other)?.deliver({ channel, from: name, payload: copy }));
        }
        return true;
      },
      onMessage(listener) {
        messageListeners.add(listener);
        return () => messageListeners.delete(listener);
      },
      onConnection(listener) {
        connectionListeners.add(listener);
        return () => connectionListeners.delete(listener);
      },
      setUp(next) {
        up = next;
        for (const listener of connectionListeners) listener(next);
      },
    };
  }
  return network;
}
