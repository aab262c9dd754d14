"""A Modbus TCP server of pymodbus, for what our client says to somebody else's server.

Reads one JSON object from standard input: {"port": n, "units": {"1": {"holding": {"40000": 21365}, "input": {}}}}.
Prints "ready", then one JSON line for every write: {"unit": 1, "address": 40075, "values": [3000, 0]}.
"""

import asyncio
import json
import sys

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server.async_io import ModbusTcpServer


class TellingBlock(ModbusSparseDataBlock):
    """Holding registers that tell what is written to them."""

    def __init__(self, unit, values):
        super().__init__(values)
        self.unit = unit

    def setValues(self, address, values, use_as_default=False):
        super().setValues(address, values, use_as_default)
        print(json.dumps({"unit": self.unit, "address": address, "values": list(values)}), flush=True)


def block_of(registers):
    return {int(address): value for address, value in registers.items()} or {0: 0}


async def main():
    told = json.loads(sys.stdin.readline())
    slaves = {}
    for unit, tables in told["units"].items():
        slaves[int(unit)] = ModbusSlaveContext(
            hr=TellingBlock(int(unit), block_of(tables["holding"])),
            ir=ModbusSparseDataBlock(block_of(tables["input"])),
            zero_mode=True,
        )
    context = ModbusServerContext(slaves=slaves, single=False)
    server = ModbusTcpServer(context, address=("127.0.0.1", told["port"]))
    task = asyncio.ensure_future(server.serve_forever())
    await server.serving
    print("ready", flush=True)
    await task


asyncio.run(main())
