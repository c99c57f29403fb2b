// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  /// Arrays by tensor name, with a prefix for the block one is in, and the adapters that change
  /// some of them.
  package struct Parameters {
    private let arrays: [String: DeviceArray]
    private let adapters: [String: LowRankAdapter]
    private let prefix: String

    /// - Parameter adapters: by the full name of the weight they change.
    package init(_ arrays: [String: DeviceArray], adapters: [String: LowRankAdapter] = [:]) {
      self.init(arrays, adapters: adapters, prefix: "")
    }

    private init(
      _ arrays: [String: DeviceArray], adapters: [String: LowRankAdapter], prefix: String
    ) {
      self.arrays = arrays
      self.adapters = adapters
      self.prefix = prefix
    }

    /// The same arrays, named from inside `prefix`.
    func scoped(_ prefix: String) -> Parameters {
      Parameters(arrays, adapters: adapters, prefix: self.prefix + prefix)
    }

    /// Whether adapters change some of the weights.
    var isAdapted: Bool { !adapters.isEmpty }

    /// One array of a block that a gradient may be asked for.
    struct Slot {
      enum Part { case weight, a, b, magnitude }
      /// The whole name of the weight.
      let name: String
      let part: Part
    }

    /// All arrays whose weight's whole name begins with one of `prefixes`, in the order of the names.
    func slots(beginning prefixes: [String]) -> [Slot] {
      arrays.keys.filter { name in prefixes.contains { name.hasPrefix($0) } }.sorted()
        .flatMap { name in
          var parts = [Slot.Part.weight]
          if let adapter = adapters[name] {
            parts += adapter.magnitude == nil ? [.a, .b] : [.a, .b, .magnitude]
          }
          return parts.map { Slot(name: name, part: $0) }
        }
    }

    /// The array of a slot of these parameters.
    subscript(slot: Slot) -> DeviceArray? {
      switch slot.part {
      case .weight: arrays[slot.name]
      case .a: adapters[slot.name]?.a
      case .b: adapters[slot.name]?.b
      case .magnitude: adapters[slot.name]?.magnitude?.learned
      }
    }

    /// Other arrays in some slots.
    func replacing(_ slots: [Slot], with values: some Sequence<DeviceArray>) -> Parameters {
      var (arrays, adapters) = (arrays, adapters)
      for (slot, value) in zip(slots, values) {
        switch slot.part {
        case .weight: arrays[slot.name] = value
        case .a: adapters[slot.name]?.a = value
        case .b: adapters[slot.name]?.b = value
        case .magnitude: adapters[slot.name]?.magnitude?.learned = value
        }
      }
      return Parameters(arrays, adapters: adapters, prefix: prefix)
    }

    /// A name from inside the block as the checkpoint has it.
    func fullName(_ name: String) -> String { prefix + name }

    package subscript(name: String) -> DeviceArray {
      get throws {
        guard let array = arrays[prefix + name] else {
          throw ModelError.configuration(
            key: prefix + name, expected: "a tensor in the checkpoint", found: "none")
        }
        return array
      }
    }

    /// The adapter of a weight, if it has one.
    func adapter(_ name: String) -> LowRankAdapter? {
      adapters.isEmpty ? nil : adapters[prefix + name]
    }
  }
#endif
