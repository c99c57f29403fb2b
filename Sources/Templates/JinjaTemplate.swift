// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// A text that a template made.
public struct RenderedText: Sendable, Equatable {
  /// The text.
  public let text: String
  /// Where `{% generation %}` blocks stand in it, in the order they ended: ranges of Unicode
  /// scalars from 0, which is what Python counts as characters.
  public let generations: [Range<Int>]

  /// The same ranges in UTF-8 bytes. Cost: one pass over the text.
  public var generationBytes: [Range<Int>] { Self.bytes(generations, in: text) }

  /// Ranges of scalars as ranges of UTF-8 bytes.
  static func bytes(_ ranges: [Range<Int>], in text: String) -> [Range<Int>] {
    var offsets = [0]
    if !ranges.isEmpty {
      offsets.reserveCapacity(text.utf8.count)
      for scalar in text.unicodeScalars {
        offsets.append(offsets[offsets.count - 1] + UTF8.width(scalar))
      }
    }
    return ranges.map {
      offsets[
        min($0.lowerBound, offsets.count - 1)]..<offsets[min($0.upperBound, offsets.count - 1)]
    }
  }
}

/// A template in the part of Jinja that chat templates use, as transformers renders them: blocks
/// trimmed (`trim_blocks`, `lstrip_blocks`), `break` and `continue`, and Jinja's immutable sandbox.
///
/// A template sees only what it is given, changes nothing but namespaces of its own, and is stopped
/// when it takes too long. What Python would not do is an error here.
///
/// **Departs** from Jinja: integers have 64 bits, and leaving them is an error; a missing filter is
/// one when it is reached; generators and functions have no text, where Python prints an address;
/// files (`include`, `import`, `extends`, `block`), filters that draw at random, and those for web
/// pages and debugging (`filesizeformat`, `pprint`, `striptags`, `urlize`, `wordwrap`, `xmlattr`) are
/// refused. So are `autoescape`, the methods `encode`, `translate` and `maketrans` of texts, character names
/// (`\N{…}`) in literals, and a `raw` tag at the very end that nothing closes, which Jinja passes
/// over.
public struct JinjaTemplate: Sendable {
  /// What messages call it.
  public let name: String
  /// The template's own text.
  public let source: String
  let body: [Statement]

  /// Parses a template.
  /// - Parameter name: the file's name, for messages.
  /// - Throws: `TemplateError.syntax` or `.unsupported` with the line.
  public init(_ source: String, name: String) throws(TemplateError) {
    self.source = source
    self.name = name
    body = try DeepStack.run { () throws(TemplateError) in
      var parser = try Parser(source, name: name)
      return try parser.template()
    }
  }

  /// The rendered text.
  ///
  /// - Parameters:
  ///   - context: the variables the template sees.
  ///   - limits: when it is stopped.
  ///   - clock: what `strftime_now` tells.
  /// - Throws: `TemplateError.rendering`, `.raised` or `.limit` with the line.
  /// - Complexity: bounded by `limits`, whatever the template. A thread of its own for the stack.
  public func render(
    _ context: JSONObject, limits: TemplateLimits = TemplateLimits(), clock: TemplateClock = .now
  ) throws(TemplateError) -> RenderedText {
    let (name, body) = (name, body)
    return try DeepStack.run { () throws(TemplateError) in
      let machine = Machine(name: name, limits: limits, clock: clock)
      defer { machine.close() }
      let scope = Scope(parent: machine.globals())
      for (key, member) in context.members {
        guard let value = Value(member) else {
          throw .conversation(
            problem: "An integer in the conversation has more than 64 bits.", place: "`\(key)`",
            next: "Write it as a string.")
        }
        scope.names[key] = value
      }
      do {
        try machine.runClosed(body, Scope(parent: scope))
      } catch let error as TemplateError {
        throw error
      } catch {
        preconditionFailure("an error of an unknown type: \(error)")
      }
      return RenderedText(
        text: String(decoding: machine.output, as: UTF8.self), generations: machine.generations)
    }
  }
}

/// Runs work on a thread whose stack is deep enough for what `TemplateLimits` lets nest, whichever
/// thread asks: those of Swift's own pool have half a megabyte on some systems.
enum DeepStack {
  private final class Work<Result: Sendable>: @unchecked Sendable {
    // The semaphore orders the writing thread before the reading one.
    var result: Swift.Result<Result, TemplateError>?
  }

  static func run<Result: Sendable>(
    _ body: @escaping @Sendable () throws(TemplateError) -> Result
  ) throws(TemplateError) -> Result {
    let work = Work<Result>()
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      do throws(TemplateError) {
        work.result = .success(try body())
      } catch {
        work.result = .failure(error)
      }
      done.signal()
    }
    thread.stackSize = TemplateLimits.stackByteCount
    thread.start()
    done.wait()
    guard let result = work.result else { preconditionFailure("a thread ended without a result") }
    return try result.get()
  }
}
