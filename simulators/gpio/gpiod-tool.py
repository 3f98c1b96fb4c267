#!/usr/bin/python3 -SE
"""The gpiod tools for a simulated chip, in both generations; which tool it is tells its name, which generation a file.

Options and output are those of libgpiod's tools/ directory, 1.6.3 and 2.2.x. An option that the generation does not have
is refused as getopt does it. A line is had by the lock on a file, so that it is free when its holder is gone.
"""
import fcntl
import getopt
import os
import signal
import sys
import time

TOOL = os.path.basename(sys.argv[0])
STATE = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "..", "..", "state")


def read(*path):
    with open(os.path.join(STATE, *path)) as file:
        return file.read().rstrip()


def write(text, *path):
    with open(os.path.join(STATE, *path), "w") as file:
        file.write(text)


def die(text):
    sys.stderr.write("%s: %s\n" % (TOOL, text))
    sys.exit(1)


VERSION = read("version")
OLD = VERSION.startswith("1.")

OPTIONS = {
    ("gpiodetect", True): ("hv", ["help", "version"]),
    ("gpioinfo", True): ("hv", ["help", "version"]),
    ("gpioget", True): ("hvlB:", ["help", "version", "active-low", "bias="]),
    ("gpiomon", True): (
        "hvlB:n:srfbF:",
        ["help", "version", "active-low", "bias=", "num-events=", "silent", "rising-edge", "falling-edge",
         "line-buffered", "format="],
    ),
    ("gpioset", True): (
        "hvlB:D:m:s:u:b",
        ["help", "version", "active-low", "bias=", "drive=", "mode=", "sec=", "usec=", "background"],
    ),
    ("gpiodetect", False): ("hv", ["help", "version"]),
    ("gpioinfo", False): ("c:hsv", ["by-name", "chip=", "help", "strict", "unquoted", "version"]),
    ("gpioget", False): (
        "ab:c:C:hlp:sv",
        ["active-low", "as-is", "bias=", "by-name", "chip=", "consumer=", "help", "hold-period=", "numeric", "strict",
         "unquoted", "version"],
    ),
    ("gpiomon", False): (
        "b:c:C:e:E:hF:ln:p:qshv",
        ["active-low", "banner", "bias=", "by-name", "chip=", "consumer=", "debounce-period=", "edges=",
         "event-clock=", "format=", "help", "idle-timeout=", "localtime", "num-events=", "quiet", "silent", "strict",
         "unquoted", "utc", "version"],
    ),
    ("gpioset", False): (
        "b:c:C:d:hilp:st:vz",
        ["active-low", "banner", "bias=", "by-name", "chip=", "consumer=", "daemonize", "drive=", "help",
         "hold-period=", "interactive", "strict", "toggle=", "unquoted", "version"],
    ),
}

try:
    OPTS, ARGS = getopt.getopt(sys.argv[1:], *OPTIONS[(TOOL, OLD)])
except getopt.GetoptError:
    die("try %s --help" % TOOL)
OPTS = dict(OPTS)


def option(*names):
    return next((OPTS[name] for name in names if name in OPTS), None)


def chips():
    return sorted((name for name in os.listdir(STATE) if name.startswith("gpiochip")), key=lambda name: int(name[8:]))


def label(chip):
    return read(chip, "label")


def count(chip):
    return int(read(chip, "lines"))


def chip_called(name):
    for chip in chips():
        if name in (chip, chip[8:], "/dev/" + chip) or (OLD and name == label(chip)):
            return chip
    if OLD:
        die("error %s: No such file or directory" % DOING)
    die("cannot find GPIO chip character device '%s'" % name)


DOING = {
    "gpioget": "reading GPIO values",
    "gpiomon": "waiting for events",
    "gpioset": "setting the GPIO line values",
    "gpioinfo": "looking up chip",
}.get(TOOL, "")


def refuse(chip, why):
    die("error %s: %s" % (DOING, why) if OLD else "unable to request lines on chip %s: %s" % (chip, why))


def request(chip, offset, consumer):
    """The line, or the end of this process with what libgpiod says. The bias must be one of the generation's words."""
    words = ("as-is", "disable", "pull-up", "pull-down") if OLD else ("as-is", "disabled", "pull-up", "pull-down")
    bias = option("-B" if OLD else "-b", "--bias")
    if bias is not None and bias not in words:
        die("invalid bias: %s" % bias)
    if not 0 <= offset < count(chip):
        refuse(chip, "Invalid argument")
    if os.path.exists(os.path.join(STATE, chip, "denied")):
        refuse(chip, "Permission denied")
    lock = open(os.path.join(STATE, chip, "%d.lock" % offset), "a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        refuse(chip, "Device or resource busy")
    lock.truncate(0)
    lock.write(consumer)
    lock.flush()
    return lock


def holder(chip, offset):
    path = os.path.join(STATE, chip, "%d.lock" % offset)
    if not os.path.exists(path):
        return None
    with open(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        except OSError:
            return lock.read().strip()


def target():
    if OLD:
        if not ARGS:
            die("gpiochip must be specified")
        return chip_called(ARGS[0]), ARGS[1:]
    if option("-c", "--chip") is None:
        die("cannot find line '%s'" % ARGS[0])
    return chip_called(option("-c", "--chip")), ARGS


def number(text):
    if not text.isdigit():
        die("invalid GPIO offset: %s" % text if OLD else "cannot find line '%s'" % text)
    return int(text)


def detect():
    for chip in chips():
        print("%s [%s] (%d lines)" % (chip, label(chip), count(chip)))


def info():
    chip, _ = (chip_called(ARGS[0]), None) if OLD else target()
    print("%s - %d lines:" % (chip, count(chip)))
    names = read(chip, "names").split("\n")
    for offset in range(count(chip)):
        name = names[offset] if offset < len(names) else ""
        user = holder(chip, offset)
        out = user == "gpioset"
        if OLD:
            shown = '"%s"' % name if name else "unnamed"
            by = '"%s"' % user if user else "unused"
            used = "[used]" if user else ""
            print("\tline %3d: %12s %12s %8s %13s %s" % (
                offset, shown, by, "output " if out else "input ", "active-high ", used))
        else:
            shown = '"%s"' % name if name else "unnamed"
            by = ' consumer="%s"' % user if user else ""
            print("\tline %3d:\t%-16s\t%s%s" % (offset, shown, "output" if out else "input", by))


def get():
    chip, lines = target()
    if os.path.exists(os.path.join(STATE, "babble")):
        print("\x1b[31mgpio: ???")
        return
    offset = number(lines[0])
    request(chip, offset, "gpioget")
    level = read(chip, "%d.level" % offset)
    if OLD or "--numeric" in OPTS:
        print(level)
    else:
        print('"%d"=%s' % (offset, "active" if level == "1" else "inactive"))


def shown(format, offset, rising, ns):
    seconds, rest = divmod(ns, 10**9)
    if OLD:
        words = {"o": offset, "e": 1 if rising else 0, "s": seconds, "n": rest}
    else:
        words = {"o": offset, "e": 1 if rising else 2, "E": "rising" if rising else "falling",
                 "S": "%d.%09d" % (seconds, rest)}
    for letter, word in words.items():
        format = format.replace("%" + letter, str(word))
    return format


def monitor():
    chip, lines = target()
    offset = number(lines[0])
    keep = request(chip, offset, "gpiomon")
    edges = open(os.path.join(STATE, chip, "%d.edges" % offset))
    edges.seek(0, os.SEEK_END)
    if not OLD and "--banner" in OPTS:
        print("Monitoring line '%d'..." % offset, flush=True)
    write("", chip, "%d.heard" % offset)
    rest = ""
    while True:
        rest += edges.read()
        *whole, rest = rest.split("\n")
        for line in whole:
            level, ns = line.split(" ", 1)
            # A line that is no edge stands for what no tool should ever write.
            text = shown(option("-F", "--format"), offset, level == "1", int(ns)) if level in ("0", "1") else "%s %s" % (level, ns)
            print(text, flush=True)
        if os.getppid() == 1:
            return keep
        if not os.path.exists(os.path.join(STATE, chip)):
            die("error waiting for events: No such device")
        time.sleep(0.002)


def drive():
    chip, lines = target()
    offset, value = (int(part) for part in lines[0].split("="))
    mode = option("-m", "--mode") or "exit"
    keep = request(chip, offset, "gpioset")
    with open(os.path.join(STATE, chip, "%d.driven" % offset), "a") as history:
        history.write("%d %d\n" % (value, time.monotonic_ns()))
    if OLD and mode == "exit":
        return keep
    if OLD and mode == "wait":
        sys.stdin.read(1)
        return keep
    while True:
        signal.pause()


if "-v" in OPTS or "--version" in OPTS:
    print("%s (libgpiod) v%s" % (TOOL, VERSION))
    sys.exit(0)
{"gpiodetect": detect, "gpioinfo": info, "gpioget": get, "gpiomon": monitor, "gpioset": drive}[TOOL]()
