import { type ModbusLink, openLink } from '../modbus/link.ts';
import type { DeviceEvent, LinkPool } from './description.ts';

/** Links by address, counted: many units behind one gateway share its one connection. */
export function createLinkPool(log?: (event: DeviceEvent) => void): LinkPool {
  const links = new Map<string, { link: ModbusLink; users: number }>();
  return {
    acquire(options) {
      const key = `${options.host}:${options.port}`;
      const held = links.get(key) ?? { link: openLink({ ...options, ...(log && { log }) }), users: 0 };
      held.users += 1;
      links.set(key, held);
      let released = false;
      return {
        link: held.link,
        async release() {
          if (released) return;
          released = true;
          held.users -= 1;
          if (held.users > 0) return;
          if (links.get(key) === held) links.delete(key);
          await held.link.close();
        },
      };
    },
  };
}
