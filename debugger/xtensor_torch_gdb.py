"""Shows xtt::tensor_view in GDB by its element type, shape, strides and elements.

    (gdb) source /usr/share/xtensor-torch/xtensor_torch_gdb.py
    (gdb) print view
    $1 = view of float, shape [2, 3], strides [3, 1] = {[0, 0] = 1, [0, 1] = 2, ...

`set print elements` bounds how many elements are shown. Nothing is called in the program: it works on core files, too.
"""

import itertools
import struct

import gdb
import gdb.printing


def numbers(sequence):
    """The numbers of a shape or of strides: an xt::svector, or the std::array of libstdc++ or libc++."""
    names = [field.name for field in sequence.type.strip_typedefs().fields()]
    if "m_begin" in names:
        begin, end = sequence["m_begin"], sequence["m_end"]
        return [int(begin[i]) for i in range(int(end - begin))]
    count = int(sequence.type.strip_typedefs().template_argument(1))
    elements = sequence["_M_elems" if "_M_elems" in names else "__elems_"] if count else None
    return [int(elements[i]) for i in range(count)]


def readable(element):
    """Half and BFloat16 as the numbers they are, other elements as GDB has them."""
    name = element.type.unqualified().strip_typedefs().name
    if name == "c10::Half":
        return struct.unpack("<e", struct.pack("<H", int(element["x"])))[0]
    if name == "c10::BFloat16":
        return struct.unpack("<f", struct.pack("<I", int(element["x"]) << 16))[0]
    return element


class TensorViewPrinter:
    def __init__(self, view):
        self.element = view.type.strip_typedefs().template_argument(0)
        self.shape = numbers(view["m_shape"])
        self.strides = numbers(view["m_strides"])
        self.data = view["m_storage"]["p_data"]

    def to_string(self):
        return f"view of {self.element}, shape {self.shape}, strides {self.strides}"

    def children(self):
        for index in itertools.product(*map(range, self.shape)):
            offset = sum(i * stride for i, stride in zip(index, self.strides))
            yield str(list(index)), readable((self.data + offset).dereference())


def make_printers():
    printers = gdb.printing.RegexpCollectionPrettyPrinter("xtensor-torch")
    printers.add_printer("tensor_view", "^xtt::tensor_view<.*>$", TensorViewPrinter)
    return printers


gdb.printing.register_pretty_printer(gdb.current_objfile(), make_printers(), replace=True)
