import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Address } from './address.ts';
import { BoundedPackets } from './bounded-packets.ts';
import type { Credentials } from './credentials.ts';

/**
 * Opens the way to a broker. With `mqtts` the broker's certificate and its name are always verified, whatever the
 * environment says. Nagle's algorithm costs tens of milliseconds a message here, and the client library leaves it on.
 */
export function openStream(
  { host, port, secure }: Address,
  { credentials, packetBytesMax }: { credentials: Credentials; packetBytesMax: number },
): BoundedPackets {
  const socket = secure
    ? connectTls({
        ...{ host, port, ...credentials },
        ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
        minVersion: 'TLSv1.2',
        rejectUnauthorized: true,
      })
    : connectTcp({ host, port, noDelay: true });
  socket.setNoDelay(true);
  return new BoundedPackets(socket, packetBytesMax);
}
