"""A Modbus session by pymodbus: commands on standard input, one answer a line on standard output, all JSON.

{"read": "holding" | "input", "address": a, "count": n} -> [registers] or {"exception": code}
{"write": a, "values": [registers]} -> null or {"exception": code}
{"walk": true} -> {"models": {id: {"address": a, "length": n}}}: the SunSpec map as this program finds it
"""
import json
import sys

from pymodbus.client import ModbusTcpClient


def plain(answer, value):
    if not answer.isError():
        return value(answer)
    return {"exception": getattr(answer, "exception_code", str(answer))}


def walk(read):
    base = next(b for b in (0, 40000, 50000) if read("holding", b, 2) == [0x5375, 0x6E53])
    models, at = {}, base + 2
    while True:
        model, length = read("holding", at, 2)
        if model == 0xFFFF:
            return {"models": models}
        models[model] = {"address": at, "length": length}
        at += 2 + length


def main(host, port, unit):
    client = ModbusTcpClient(host, port=port)
    assert client.connect()

    def read(table, address, count):
        ask = client.read_holding_registers if table == "holding" else client.read_input_registers
        return plain(ask(address, count, slave=unit), lambda answer: answer.registers)

    for line in sys.stdin:
        command = json.loads(line)
        if "walk" in command:
            answer = walk(read)
        elif "read" in command:
            answer = read(command["read"], command["address"], command["count"])
        else:
            written = client.write_registers(command["write"], command["values"], slave=unit)
            answer = plain(written, lambda _: None)
        print(json.dumps(answer), flush=True)
    client.close()


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
