"""Two Modbus RTU slaves that are not ours (pymodbus 3.0): all four tables of each hold values that say whose they are."""
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartSerialServer
from pymodbus.transaction import ModbusRtuFramer


def slave(unit):
    def block(table, size, value):
        return ModbusSequentialDataBlock(0, [value(table, address) for address in range(size)])

    def register(table, address):
        return (unit * 1000 + table * 200 + address) % 65536

    def bit(table, address):
        return (unit + table + address * address // 3) % 2 == 1

    return ModbusSlaveContext(
        co=block(1, 200, bit), di=block(2, 200, bit), hr=block(3, 200, register), ir=block(4, 200, register), zero_mode=True
    )


print("ready", flush=True)
StartSerialServer(
    context=ModbusServerContext(slaves={unit: slave(unit) for unit in (3, 17)}, single=False),
    framer=ModbusRtuFramer,
    port=sys.argv[1],
    baudrate=19200,
    timeout=0.01,
)
