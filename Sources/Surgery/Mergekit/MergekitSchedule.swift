// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The order in which mergekit merges tensors, on which its random numbers depend.
///
/// mergekit sorts a graph of tasks: reading each tensor of each model once, gathering, merging,
/// saving. Of the tasks that are ready the one with the smallest label is next, which is the largest
/// of the names that a tensor has in the models ("layers.10." before "layers.2."). Tensors with one
/// label, as of layers that are used twice, go by their places in the graph, which come from taking
/// tasks out of a Python set. So that is followed too: it depends on nothing but the numbers of the
/// tasks.
///
/// Cost: n log n for n tensors; some hundred bytes for each.
struct MergekitSchedule {
  /// A tensor that mergekit merges.
  struct Item {
    struct Input {
      let model: String
      /// mergekit's name of the tensor in that model.
      let tensor: String
      /// The name under which the model has it; empty where it has none.
      let label: String
    }

    let inputs: [Input]
    /// Whether its rows are put into another vocabulary's order.
    let isAligned: Bool
  }

  private struct Node {
    var label = ""
    /// Small is early among equal labels.
    var rank = 0
    var arguments: [Int] = []
    var item: Int?
  }

  private var nodes: [Node] = []
  private var targets: [Int] = []

  /// The positions of `items`, which are in mergekit's order of planning, in the order of execution.
  static func order(_ items: [Item]) -> [Int] {
    MergekitSchedule(items).sorted()
  }

  // MARK: - Tasks

  /// Numbers the tasks as mergekit does: each when it is first met, before those it needs.
  private init(_ items: [Item]) {
    var loads: [String: Int] = [:]
    var (writer, tokenizer): (Int?, Int?)
    for (position, item) in items.enumerated() {
      let label = Self.largest(item.inputs.map(\.label))
      let save = add(Node(label: label, rank: -1000))
      targets.append(save)
      writer = writer ?? add(Node(rank: -10_000))
      // A task that aligns has no label of its own, and one that merges has that of its input.
      let merge = add(Node(label: item.isAligned ? "" : label, item: position))
      if item.isAligned { nodes[save].label = "" }
      if let writer { nodes[save].arguments = [writer, merge] }
      var user = merge
      if item.isAligned {
        user = add(Node())
        nodes[merge].arguments = [user]
        tokenizer = tokenizer ?? add(Node())
        if let tokenizer { nodes[user].arguments.append(tokenizer) }
      }
      let gather = add(Node(label: label, rank: 10))
      nodes[user].arguments.append(gather)
      for input in item.inputs {
        // Neither part holds a zero byte.
        let key = "\(input.model)\0\(input.tensor)"
        let load = loads[key] ?? add(Node(label: input.label, rank: 1000))
        loads[key] = load
        nodes[gather].arguments.append(load)
      }
    }
    let saves = targets
    targets.append(add(Node(arguments: (writer.map { [$0] } ?? []) + saves)))
    if let tokenizer { targets.append(tokenizer) }
  }

  private mutating func add(_ node: Node) -> Int {
    nodes.append(node)
    return nodes.count - 1
  }

  private static func largest(_ labels: [String]) -> String {
    labels.max { precedes($0, $1) } ?? ""
  }

  /// Python's order of texts.
  private static func precedes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }

  // MARK: - Order

  private func sorted() -> [Int] {
    let places = places()
    // The order among tasks that are ready is one order of all.
    let labels = Set(nodes.map(\.label)).sorted(by: Self.precedes)
    let ranks = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
    let order = nodes.indices.sorted { left, right in
      let (a, b) = (nodes[left], nodes[right])
      if a.label != b.label { return ranks[a.label, default: 0] < ranks[b.label, default: 0] }
      return (a.rank, places[left]) < (b.rank, places[right])
    }
    var positions = [Int](repeating: 0, count: nodes.count)
    for (position, node) in order.enumerated() { positions[node] = position }

    var users = [[Int]](repeating: [], count: nodes.count)
    var missing = nodes.map(\.arguments.count)
    for (user, node) in nodes.enumerated() {
      for argument in node.arguments { users[argument].append(user) }
    }
    var isReady = order.map { missing[$0] == 0 }
    var result: [Int] = []
    var next = 0
    while next < order.count {
      guard isReady[next] else {
        next += 1
        continue
      }
      isReady[next] = false
      let node = order[next]
      if let item = nodes[node].item { result.append(item) }
      next += 1
      for user in users[node] {
        missing[user] -= 1
        if missing[user] == 0 {
          isReady[positions[user]] = true
          next = min(next, positions[user])
        }
      }
    }
    return result
  }

  /// When each task first occurs in mergekit's list of edges, which it makes by taking tasks out of
  /// a set that begins with the targets.
  private func places() -> [Int] {
    var open = PythonSet()
    for target in targets { open.insert(target) }
    var places = [Int](repeating: -1, count: nodes.count)
    var count = 0
    func meet(_ node: Int) {
      guard places[node] < 0 else { return }
      places[node] = count
      count += 1
    }
    var isExplored = [Bool](repeating: false, count: nodes.count)
    while let task = open.popFirst() {
      if isExplored[task] { continue }
      isExplored[task] = true
      for argument in nodes[task].arguments {
        open.insert(argument)
        meet(argument)
        meet(task)
      }
    }
    return places
  }
}

/// A set of small whole numbers that gives them back in the order in which CPython's does.
///
/// **Source** CPython 3.11; **Departs** nothing for numbers whose hash is the number itself.
struct PythonSet {
  private static let (empty, removed) = (-1, -2)

  private var table = [Int](repeating: PythonSet.empty, count: 8)
  /// Places that are not empty, removed ones included.
  private var fill = 0
  private var used = 0
  private var finger = 0

  private var mask: Int { table.count - 1 }

  /// The place of `value`, or the one where it belongs: the last removed one on the way, or else the
  /// empty one at its end.
  private func place(of value: Int) -> Int {
    var free: Int?
    var perturbation = value
    var start = value & mask
    while true {
      // Neighbours first, where the table has them.
      for place in start...(start + 9 <= mask ? start + 9 : start) {
        if table[place] == Self.empty { return free ?? place }
        if table[place] == value { return place }
        if table[place] == Self.removed { free = place }
      }
      perturbation >>= 5
      start = (start * 5 + 1 + perturbation) & mask
    }
  }

  mutating func insert(_ value: Int) {
    let place = place(of: value)
    if table[place] == value { return }
    if table[place] == Self.empty { fill += 1 }
    table[place] = value
    used += 1
    if fill * 5 >= mask * 3 { grow() }
  }

  private mutating func grow() {
    let least = used > 50_000 ? used * 2 : used * 4
    var size = 8
    while size <= least { size *= 2 }
    let old = table
    table = [Int](repeating: Self.empty, count: size)
    for value in old where value >= 0 { table[place(of: value)] = value }
    fill = used
  }

  /// Removes the element that Python's `pop` does.
  mutating func popFirst() -> Int? {
    if used == 0 { return nil }
    var place = finger & mask
    while table[place] < 0 { place = (place + 1) & mask }
    let value = table[place]
    table[place] = Self.removed
    used -= 1
    finger = place + 1
    return value
  }
}
