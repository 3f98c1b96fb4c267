"""Modbus TCP slaves that are not ours (pymodbus 3.0): all four tables of each hold values that say whose they are."""
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartTcpServer


def slave(unit):
    def block(table, value):
        return ModbusSequentialDataBlock(0, [value(table, address) for address in range(200)])

    def register(table, address):
        return (unit * 1000 + table * 200 + address) % 65536

    def bit(table, address):
        return (unit + table + address * address // 3) % 2 == 1

    return ModbusSlaveContext(
        co=block(1, bit), di=block(2, bit), hr=block(3, register), ir=block(4, register), zero_mode=True
    )


print("ready", flush=True)
StartTcpServer(
    context=ModbusServerContext(slaves={unit: slave(unit) for unit in (3, 17)}, single=False),
    address=("127.0.0.1", int(sys.argv[1])),
    allow_reuse_address=True,
)
