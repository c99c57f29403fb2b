// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

extension CheckpointError {
  /// What the pickle inside a PyTorch file holds beyond names and tensors, or how it lies.
  ///
  /// Offsets count the bytes of the archive's entry `data.pkl`.
  public enum PickleFault: Error, Equatable, Sendable {
    /// An opcode outside the whitelist.
    case opcode(UInt8, offset: Int)
    /// A class or function outside the whitelist: running it could do anything.
    case global(String, offset: Int)
    /// A tensor of numbers that Koine does not compute with.
    case unsupportedType(String, offset: Int)
    case truncated(opcode: String, needed: Int, left: Int, offset: Int)
    /// An operand is not what the opcode, or the function called, takes.
    case operand(of: String, expected: String, found: String, offset: Int)
    /// More values than any state dict has.
    case limit(String, limit: Int, offset: Int)
    case trailingBytes(Int, offset: Int)
    /// The pickle is not a dictionary of tensors; `found` says what it is.
    case root(found: String)
    /// Several dictionaries of tensors could be meant.
    case ambiguous([String])
    case name(found: String)
    case duplicateTensor(String)
    /// A tensor, or an unnamed one known by its place, contradicts its storage or the file.
    case tensor(String, Tensor)

    /// How a tensor lies.
    public enum Tensor: Error, Equatable, Sendable {
      case missingStorage(key: String)
      case storageByteCount(key: String, elementType: String, expected: String, found: Int)
      case storageContradiction(key: String, expected: String, found: String)
      case rank(Int, limit: Int)
      case strideCount(expected: Int, found: Int)
      case extent(axis: Int, found: String)
      case stride(axis: Int, found: String)
      case shapeOverflow([Int])
      case offset(found: Int, elementCount: Int)
      case beyondStorage(lastElement: String, elementCount: Int)
      case overlappingStrides(shape: [Int], strides: [Int])
    }
  }
}

extension CheckpointError.PickleFault {
  func diagnosis(file: String) -> Diagnosis {
    let damaged = "The file is damaged or was written by faulty software; fetch it again."
    let distrust = "Do not load this file with torch either, unless you trust its author; "
    func at(_ offset: Int) -> String { "\(file), data.pkl, byte \(grouped(offset))" }
    switch self {
    case .opcode(let opcode, let offset):
      return Diagnosis(
        what: "The pickle opcode \(PickleOpcode.name(opcode)) is not one that a state dict needs.",
        where: at(offset), next: distrust + "fetch the safetensors revision.")
    case .global(let name, let offset):
      return Diagnosis(
        what: "The pickle refers to `\(shortened(name))`, expected only tensors, storages and "
          + "plain containers.", where: at(offset),
        next: distrust + "save its state_dict alone, or fetch the safetensors revision.")
    case .unsupportedType(let name, let offset):
      return Diagnosis(
        what: "The pickle holds `\(name)`, expected real numbers of a plain type.",
        where: at(offset), next: "Save the weights as float32, float16 or bfloat16.")
    case .truncated(let opcode, let needed, let left, let offset):
      return Diagnosis(
        what: "The opcode \(opcode) needs \(grouped(needed)) more bytes, the pickle has "
          + "\(grouped(left)).", where: at(offset), next: damaged)
    case .operand(let opcode, let expected, let found, let offset):
      return Diagnosis(
        what: "\(opcode) takes \(expected), found \(found).", where: at(offset), next: damaged)
    case .limit(let what, let limit, let offset):
      return Diagnosis(
        what: "The pickle makes more than \(grouped(limit)) \(what).", where: at(offset),
        next: "Save the weights alone, without other objects, or as safetensors.")
    case .trailingBytes(let count, let offset):
      return Diagnosis(
        what: "The pickle ends with \(grouped(count)) bytes after its STOP, expected none.",
        where: at(offset), next: damaged)
    case .root(let found):
      return Diagnosis(
        what: "Expected a dictionary from name to tensor, or one under `state_dict`, "
          + "`model_state_dict` or `model`; found \(shortened(found)).",
        where: "\(file), data.pkl", next: "Save the model's state_dict, or use another file.")
    case .ambiguous(let names):
      return Diagnosis(
        what: "Expected one dictionary of tensors, found several: "
          + "\(names.joined(separator: ", ")).", where: "\(file), data.pkl",
        next: "Save the one state_dict that is meant.")
    case .name(let found):
      return Diagnosis(
        what: "A tensor's name should be a text in UTF-8, found \(shortened(found)).",
        where: "\(file), data.pkl", next: "Save the weights under the names of their modules.")
    case .duplicateTensor(let name):
      return Diagnosis(
        what: "The dictionary holds the tensor `\(shortened(name))` twice, expected it once.",
        where: "\(file), data.pkl",
        next: "Do not trust this file; fetch it from its original source.")
    case .tensor(let name, let fault):
      let (what, next) = fault.lines
      return Diagnosis(what: what, where: "\(file), \(shortened(name))", next: next ?? damaged)
    }
  }
}

extension CheckpointError.PickleFault.Tensor {
  fileprivate var lines: (what: String, next: String?) {
    let incomplete = "The file is incomplete; fetch it again."
    switch self {
    case .missingStorage(let key):
      return (
        "The storage `data/\(shortened(key))` should be in the archive, found none.", incomplete
      )
    case .storageByteCount(let key, let type, let expected, let found):
      return (
        "The storage `data/\(shortened(key))` of \(type) should have \(expected) bytes, found "
          + "\(grouped(found)).", nil
      )
    case .storageContradiction(let key, let expected, let found):
      return (
        "The storage `data/\(shortened(key))` was \(expected) before, now it is \(found).", nil
      )
    case .rank(let rank, let limit):
      return ("A tensor has at most \(limit) axes, this one \(grouped(rank)).", nil)
    case .strideCount(let expected, let found):
      return ("A shape of \(expected) axes needs as many strides, found \(found).", nil)
    case .extent(let axis, let found):
      return ("The extent of axis \(axis) should be a number from 0, found \(found).", nil)
    case .stride(let axis, let found):
      return ("The stride of axis \(axis) should be a number from 0, found \(found).", nil)
    case .shapeOverflow(let extents):
      return ("The shape \(extents) has more bytes than a machine can count.", nil)
    case .offset(let found, let count):
      return (
        "The tensor should begin in its storage of \(grouped(count)) elements, it begins at "
          + "element \(grouped(found)).", nil
      )
    case .beyondStorage(let last, let count):
      return (
        "The tensor's last element is number \(last) of its storage, which has \(grouped(count)) "
          + "elements.", nil
      )
    case .overlappingStrides(let shape, let strides):
      return (
        "The shape \(shape) with strides \(strides) reads elements twice, expected each once.",
        "Save the tensor after `.contiguous()`, as for an expanded one."
      )
    }
  }
}
