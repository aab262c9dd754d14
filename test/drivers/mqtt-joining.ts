import type { Test } from 'tap';
import { type BrokerAccess, connectMqtt, type MqttOptions, type MqttTransport } from '../../drivers/index.ts';

type Event = { readonly event: string } & Readonly<Record<string, string | number | boolean>>;

/** A node of a street, by default the first; what it logs is collected, and it leaves with the test. */
export function joining(
  t: Test,
  urls: string | readonly string[],
  protocolVersion: 4 | 5,
  more: Partial<MqttOptions> = {},
  access: Partial<BrokerAccess> = {},
) {
  const events: Event[] = [];
  const nodeId = more.nodeId ?? 'home-1';
  const transport = connectMqtt({
    brokers: [urls].flat().map((url) => ({
      ...{ url, protocolVersion, reconnectMsMin: 20, reconnectMsMax: 100, ...access },
    })),
    nodeId,
    clientId: nodeId,
    network: 'elm-street',
    log: (event) => events.push(event),
    ...more,
  });
  t.teardown(() => transport.stop({ timeoutMs: 200 }));
  return { transport, events };
}

export const bytes = (text: string) => new TextEncoder().encode(text);
export const text = (payload: Uint8Array) => new TextDecoder().decode(payload);
export const isUp = (transport: MqttTransport) => () => transport.connected;
