// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A value written in the template.
enum Constant: Sendable {
  case null
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(String)
}

enum BinaryOperator: String, Sendable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case floorDivide = "//"
  case remainder = "%"
  case power = "**"
}

enum Comparison: String, Sendable {
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case isIn = "in"
  case isNotIn = "not in"
}

/// An expression. Chains of one precedence are lists, so that the depth of the tree is that of the
/// brackets and a long sum needs no deep recursion.
indirect enum Expression: Sendable {
  case constant(Constant)
  case name(String, line: Int)
  case list([Expression])
  case tuple([Expression])
  case dict([Pair])
  /// Without `otherwise` the value is undefined where the test fails.
  case conditional(test: Expression, then: Expression, otherwise: Expression?)
  case and([Expression])
  case or([Expression])
  case not(Expression)
  case compare(Expression, [Compared], line: Int)
  /// From left to right.
  case binary(Expression, [Operand], line: Int)
  case concat([Expression])
  case negative(Expression, line: Int)
  case positive(Expression, line: Int)
  case postfix(Expression, [Postfix])

  struct Pair: Sendable {
    let key: Expression
    let value: Expression
  }

  struct Compared: Sendable {
    let comparison: Comparison
    let value: Expression
  }

  struct Operand: Sendable {
    let sign: BinaryOperator
    let value: Expression
  }
}

/// What follows a value: `.a`, `[i]`, `(…)`, `|filter`, `is test`.
struct Postfix: Sendable {
  enum Kind: Sendable {
    case attribute(String)
    case item(Expression)
    case slice(Expression?, Expression?, Expression?)
    case call(CallArguments)
    case filter(String, CallArguments)
    case test(String, CallArguments, negated: Bool)
  }
  let kind: Kind
  let line: Int
}

struct CallArguments: Sendable {
  struct Named: Sendable {
    let name: String
    let value: Expression
  }
  var positional: [Expression] = []
  var named: [Named] = []
  /// `*list`.
  var rest: Expression?
  /// `**mapping`.
  var namedRest: Expression?
}

indirect enum Target: Sendable {
  case name(String)
  case tuple([Target])
  /// `namespace.attribute`.
  case attribute(String, String)
}

enum Statement: Sendable {
  case text(String)
  case output(Expression, line: Int)
  case condition([Branch], otherwise: [Statement])
  case loop(LoopNode)
  case set(Target, Expression, line: Int)
  case setBlock(Target, [Postfix], [Statement], line: Int)
  case macro(MacroNode)
  case call(Expression, MacroNode, line: Int)
  case filter([Postfix], [Statement], line: Int)
  case with([Assignment], [Statement], line: Int)
  case generation([Statement], line: Int)
  case exit(line: Int)
  case next(line: Int)

  struct Branch: Sendable {
    let test: Expression
    let body: [Statement]
    let line: Int
  }

  struct Assignment: Sendable {
    let target: Target
    let value: Expression
  }
}

final class LoopNode: Sendable {
  let target: Target
  let iterable: Expression
  let test: Expression?
  let isRecursive: Bool
  let body: [Statement]
  let otherwise: [Statement]
  let line: Int

  init(
    target: Target, iterable: Expression, test: Expression?, isRecursive: Bool,
    body: [Statement], otherwise: [Statement], line: Int
  ) {
    self.target = target
    self.iterable = iterable
    self.test = test
    self.isRecursive = isRecursive
    self.body = body
    self.otherwise = otherwise
    self.line = line
  }
}

final class MacroNode: Sendable {
  struct Parameter: Sendable {
    let name: String
    let value: Expression?
  }
  let name: String?
  let parameters: [Parameter]
  let body: [Statement]
  /// Which of `varargs`, `kwargs` and `caller` the body reads.
  let reads: Set<String>
  let line: Int

  init(
    name: String?, parameters: [Parameter], body: [Statement], reads: Set<String>, line: Int
  ) {
    self.name = name
    self.parameters = parameters
    self.body = body
    self.reads = reads
    self.line = line
  }
}
