// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Templates

/// What somebody said.
public struct ChatMessage: Equatable, Sendable {
  /// `system`, `user` or `assistant`; templates may know others.
  public var role: String
  public var content: String

  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }
}

/// How a conversation becomes the prompt of the next answer.
public protocol ChatFormat: Sendable {
  /// Everything said so far, and whatever begins an answer.
  func prompt(for messages: [ChatMessage]) throws -> String
  /// Whether the tokenizer begins the prompt as it begins a text, or the prompt says all itself.
  var startsText: Bool { get }
  /// What ends an answer besides the model's stop ids.
  var stopTexts: [String] { get }
}

extension ChatTemplate: ChatFormat {
  /// What the template makes of the messages, with the beginning of an answer.
  /// - Throws: `TemplateError`.
  public func prompt(for messages: [ChatMessage]) throws -> String {
    var conversation = Conversation(
      messages: messages.map { ["role": JSON($0.role), "content": JSON($0.content)] })
    conversation.addsGenerationPrompt = true
    return try render(conversation).text
  }

  public var startsText: Bool { false }

  /// None: the template ends turns by tokens that are the model's stop ids.
  public var stopTexts: [String] { [] }
}

/// The formats that need no file of the model's.
public enum BuiltInChatFormat: String, ChatFormat, CaseIterable {
  /// `<|im_start|>user`, a line feed, what was said, `<|im_end|>`, a line feed.
  case chatml
  /// `User: …` and `Assistant: …` in lines of their own, for models that were trained on no
  /// conversations.
  case plain

  public func prompt(for messages: [ChatMessage]) -> String {
    switch self {
    case .chatml:
      messages.map { "<|im_start|>\($0.role)\n\($0.content)<|im_end|>\n" }.joined()
        + "<|im_start|>assistant\n"
    case .plain:
      messages.map { message in
        message.role == "system"
          ? message.content + "\n\n"
          : "\(message.role.prefix(1).uppercased() + message.role.dropFirst()): \(message.content)\n"
      }.joined() + "Assistant:"
    }
  }

  public var startsText: Bool { true }

  public var stopTexts: [String] {
    switch self {
    case .chatml: ["<|im_end|>"]
    case .plain: ["\nUser:", "\nAssistant:"]
    }
  }
}
