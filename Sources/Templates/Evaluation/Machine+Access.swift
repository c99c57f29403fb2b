// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Attributes, subscripts and iteration, with the sandbox's rules: nothing that begins with an
/// underscore, nothing that changes a list or mapping.
extension Machine {
  /// `value.name`: a method or, in a mapping without such a method, the member.
  func attribute(_ name: String, of value: Value) throws -> Value {
    if case .undefined(let missing) = value { throw failure(missing.problem) }
    if let found = try ownAttribute(name, of: value) { return found }
    if case .dict(let dictionary) = value, let member = dictionary[name] { return member }
    return missing(name, of: value)
  }

  /// `value[index]`: an element or member, else an attribute.
  func item(_ index: Value, of value: Value) throws -> Value {
    switch value {
    case .undefined(let missing): throw failure(missing.problem)
    case .dict(let dictionary):
      if let identity = try key(of: index), let member = dictionary[key: identity] {
        return member
      }
    case .list(let items), .tuple(let items):
      if let place = index.integer.flatMap({ position($0, items.values.count) }) {
        return items.values[place]
      }
    case .string(let text), .markup(let text):
      if let wanted = index.integer {
        let scalars = text.unicodeScalars
        try step(text.utf8.count >> 6)
        let found =
          wanted >= 0
          ? scalars.dropFirst(wanted).first : scalars.dropLast(-(wanted + 1)).last
        if let found { return .string(String(found)) }
      }
    case .range(let range):
      if let place = index.integer.flatMap({ position($0, range.count) }) {
        return .int(range.element(place))
      }
    default: break
    }
    if let name = index.text, let found = try ownAttribute(name, of: value) { return found }
    return missing(try index.text ?? represented(index), of: value)
  }

  private func position(_ index: Int, _ count: Int) -> Int? {
    let place = index < 0 ? index &+ count : index
    return place >= 0 && place < count ? place : nil
  }

  private func missing(_ name: String, of value: Value) -> Value {
    .undefined(.init("\(value.typeName) has no `\(name.excerpt)`"))
  }

  private func ownAttribute(_ name: String, of value: Value) throws -> Value? {
    // For the search of the name, also as a mapping's key.
    try step(name.utf8.count >> 6)
    if name.hasPrefix("_") {
      if case .dict = value, !(name.hasPrefix("__") && name.hasSuffix("__")) { return nil }
      return .undefined(.init("`\(name.excerpt)` is not accessible in a template"))
    }
    if case .object(let object) = value { return try object.attribute(name, self) }
    return try method(name, of: value)
  }

  /// `value[start:stop:step]`.
  func slice(_ value: Value, _ start: Value, _ stop: Value, _ step: Value) throws -> Value {
    func places(_ count: Int) throws -> [Int] {
      let step = try bound(step) ?? 1
      guard step != 0 else { throw failure("a slice cannot have the step 0") }
      let isForward = step > 0
      func clamp(_ bound: Int?, _ otherwise: Int) -> Int {
        guard var bound else { return otherwise }
        if bound < 0 { bound = bound < -count ? -1 : bound + count }
        return isForward ? min(max(bound, 0), count) : min(max(bound, -1), count - 1)
      }
      let first = clamp(try bound(start), isForward ? 0 : count - 1)
      let end = clamp(try bound(stop), isForward ? count : -1)
      guard isForward ? first < end : first > end else { return [] }
      // A step longer than the list leads out of it at once.
      let stride = max(-(count + 1), min(step, count + 1))
      let places = Array(Swift.stride(from: first, to: end, by: stride))
      try self.step(places.count)
      return places
    }
    switch value {
    case .undefined(let missing): throw failure(missing.problem)
    case .list(let items): return .list(try places(items.values.count).map { items.values[$0] })
    case .tuple(let items): return .tuple(try places(items.values.count).map { items.values[$0] })
    case .string(let text), .markup(let text):
      let scalars = Array(text.unicodeScalars)
      try charge(byteCount: text.utf8.count)
      var result = String.UnicodeScalarView()
      for place in try places(scalars.count) { result.append(scalars[place]) }
      return value.like(String(result))
    case .range(let range):
      let places = try places(range.count)
      let step = (try bound(step) ?? 1) &* range.step
      let first = places.first.map(range.element) ?? range.start
      return .range(
        .init(
          start: first, step: step, count: places.count, stop: first &+ places.count &* step))
    default: throw failure("\(value.typeName) has no slices")
    }
  }

  private func bound(_ value: Value) throws -> Int? {
    if value.isNull { return nil }
    guard let bound = value.integer else {
      throw failure("a slice needs integers, not \(value.typeName)")
    }
    return bound
  }

  // MARK: Iteration

  /// The elements one by one.
  func generator(over value: Value) throws -> Value.Generator {
    func indexed(_ count: Int, _ element: @escaping (Int) -> Value) -> Value.Generator {
      var place = 0
      return Value.Generator(depth: value.depth) {
        guard place < count else { return nil }
        place += 1
        return element(place - 1)
      }
    }
    switch value {
    case .undefined: return Value.Generator(depth: 0) { nil }
    case .list(let items), .tuple(let items):
      return indexed(items.values.count) { items.values[$0] }
    case .string(let text), .markup(let text):
      var scalars = text.unicodeScalars.makeIterator()
      return Value.Generator(depth: 0) { scalars.next().map { .string(String($0)) } }
    case .dict(let dictionary): return indexed(dictionary.count) { dictionary.keys[$0] }
    case .view(let view): return indexed(view.dictionary.count) { view.element($0) }
    case .range(let range): return indexed(range.count) { .int(range.element($0)) }
    case .generator(let generator): return generator
    case .object(let loop as LoopObject):
      return Value.Generator(depth: loop.depth) { [self] in
        throw failure("a loop cannot be gone through by another")
      }
    default: throw failure("\(value.typeName) cannot be gone through")
    }
  }

  /// All elements at once.
  func elements(of value: Value) throws -> [Value] {
    if case .list(let items) = value {
      try step(items.values.count)
      return items.values
    }
    let source = try generator(over: value)
    var elements: [Value] = []
    while let element = try source.next() {
      try step()
      elements.append(element)
    }
    return elements
  }

  /// How many elements there are, if that is known without going through them.
  func count(of value: Value) throws -> Int? {
    switch value {
    case .undefined: return 0
    case .list(let items), .tuple(let items): return items.values.count
    case .string(let text), .markup(let text):
      try step(text.utf8.count >> 6)
      return text.unicodeScalars.count
    case .dict(let dictionary): return dictionary.count
    case .view(let view): return view.dictionary.count
    case .range(let range): return range.count
    default: return nil
    }
  }
}

extension Value {
  /// A text that is marked as HTML if this one is.
  func like(_ text: String) -> Value {
    if case .markup = self { .markup(text) } else { .string(text) }
  }
}
