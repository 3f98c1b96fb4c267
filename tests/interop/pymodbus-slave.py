"""A Modbus RTU slave that is not ours (pymodbus 3.0). Lines on standard input set registers: `ADDRESS VALUE`."""
import sys
import threading

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartSerialServer
from pymodbus.transaction import ModbusRtuFramer

path, unit = sys.argv[1], int(sys.argv[2])
block = ModbusSequentialDataBlock(0, [int(value) for value in sys.argv[3:]])
context = ModbusServerContext(slaves={unit: ModbusSlaveContext(hr=block, zero_mode=True)}, single=False)


def listen():
    for line in sys.stdin:
        address, value = line.split()
        block.setValues(int(address), [int(value)])


threading.Thread(target=listen, daemon=True).start()
print("ready", flush=True)
StartSerialServer(context=context, framer=ModbusRtuFramer, port=path, baudrate=9600, timeout=0.01)
