package telegramtest

// User is a person or bot ("User").
type User struct {
	ID           int64  `json:"id"`
	IsBot        bool   `json:"is_bot"`
	FirstName    string `json:"first_name"`
	LastName     string `json:"last_name,omitempty"`
	Username     string `json:"username,omitempty"`
	LanguageCode string `json:"language_code,omitempty"`
	IsPremium    bool   `json:"is_premium,omitempty"`
}

// ChatInfo is what a message says of its chat ("Chat").
type ChatInfo struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"` // private, group, supergroup or channel
	Title     string `json:"title,omitempty"`
	Username  string `json:"username,omitempty"`
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	IsForum   bool   `json:"is_forum,omitempty"`
}

// Message is a message as it was when it was read ("Message"). Its JSON is
// what the bot gets.
type Message struct {
	ID              int64     `json:"message_id"`
	ThreadID        int64     `json:"message_thread_id,omitempty"`
	From            *User     `json:"from,omitempty"`
	SenderChat      *ChatInfo `json:"sender_chat,omitempty"`
	AuthorSignature string    `json:"author_signature,omitempty"`
	Date            int64     `json:"date"` // Unix seconds
	Chat            ChatInfo  `json:"chat"`
	IsTopicMessage  bool      `json:"is_topic_message,omitempty"`
	ReplyTo         *Message  `json:"reply_to_message,omitempty"` // never has one itself
	Quote           *Quote    `json:"quote,omitempty"`
	ViaBot          *User     `json:"via_bot,omitempty"`
	EditDate        int64     `json:"edit_date,omitempty"`
	Protected       bool      `json:"has_protected_content,omitempty"`
	MediaGroupID    string    `json:"media_group_id,omitempty"`
	EffectID        string    `json:"effect_id,omitempty"`

	Text            string       `json:"text,omitempty"`
	Entities        []Entity     `json:"entities,omitempty"`
	LinkPreview     *LinkPreview `json:"link_preview_options,omitempty"`
	Caption         string       `json:"caption,omitempty"`
	CaptionEntities []Entity     `json:"caption_entities,omitempty"`
	CaptionAbove    bool         `json:"show_caption_above_media,omitempty"`
	Spoiler         bool         `json:"has_media_spoiler,omitempty"`

	Photo     []PhotoSize `json:"photo,omitempty"` // smallest first
	Animation *MediaFile  `json:"animation,omitempty"`
	Audio     *MediaFile  `json:"audio,omitempty"`
	Document  *MediaFile  `json:"document,omitempty"`
	Sticker   *MediaFile  `json:"sticker,omitempty"`
	Video     *MediaFile  `json:"video,omitempty"`
	VideoNote *MediaFile  `json:"video_note,omitempty"`
	Voice     *MediaFile  `json:"voice,omitempty"`

	NewChatMembers    []User             `json:"new_chat_members,omitempty"`
	LeftChatMember    *User              `json:"left_chat_member,omitempty"`
	ForumTopicCreated *ForumTopicCreated `json:"forum_topic_created,omitempty"`
	MigrateToChatID   int64              `json:"migrate_to_chat_id,omitempty"`
	MigrateFromChatID int64              `json:"migrate_from_chat_id,omitempty"`
	Invoice           *Invoice           `json:"invoice,omitempty"`
	SuccessfulPayment *SuccessfulPayment `json:"successful_payment,omitempty"`
	RefundedPayment   *RefundedPayment   `json:"refunded_payment,omitempty"`
	ReplyMarkup       *Markup            `json:"reply_markup,omitempty"` // inline keyboards only

	// Edits counts the edits that changed something, Reactions are the bot's
	// emoji, Deleted says that the message is gone from the chat, Markup is
	// the keyboard it was sent with, inline or not, and Silent that nobody
	// was notified. The bot never sees these.
	Edits     int      `json:"-"`
	Reactions []string `json:"-"`
	Deleted   bool     `json:"-"`
	Markup    *Markup  `json:"-"`
	Silent    bool     `json:"-"`

	file *file
}

// Entity is a part of a text with a meaning ("MessageEntity"). Offset and
// Length count UTF-16 code units.
type Entity struct {
	Type          string `json:"type"`
	Offset        int    `json:"offset"`
	Length        int    `json:"length"`
	URL           string `json:"url,omitempty"`
	User          *User  `json:"user,omitempty"`
	Language      string `json:"language,omitempty"`
	CustomEmojiID string `json:"custom_emoji_id,omitempty"`
}

// Quote is the quoted part of the message replied to ("TextQuote").
type Quote struct {
	Text     string `json:"text"`
	Position int    `json:"position"`
	IsManual bool   `json:"is_manual,omitempty"`
}

// LinkPreview says how links are previewed ("LinkPreviewOptions").
type LinkPreview struct {
	IsDisabled       bool   `json:"is_disabled,omitempty"`
	URL              string `json:"url,omitempty"`
	PreferSmallMedia bool   `json:"prefer_small_media,omitempty"`
	PreferLargeMedia bool   `json:"prefer_large_media,omitempty"`
	ShowAboveText    bool   `json:"show_above_text,omitempty"`
}

// PhotoSize is one size of a photo, or a thumbnail ("PhotoSize").
type PhotoSize struct {
	FileID       string `json:"file_id"`
	FileUniqueID string `json:"file_unique_id"`
	Width        int    `json:"width"`
	Height       int    `json:"height"`
	FileSize     int64  `json:"file_size,omitempty"`
}

// MediaFile is a file of any kind but a photo ("Animation", "Audio",
// "Document", "Sticker", "Video", "VideoNote", "Voice"): the fields of its
// kind are set.
type MediaFile struct {
	FileID       string      `json:"file_id"`
	FileUniqueID string      `json:"file_unique_id"`
	Width        int         `json:"width,omitempty"`
	Height       int         `json:"height,omitempty"`
	Length       int         `json:"length,omitempty"`   // of a video note
	Duration     int         `json:"duration,omitempty"` // seconds
	Performer    string      `json:"performer,omitempty"`
	Title        string      `json:"title,omitempty"`
	FileName     string      `json:"file_name,omitempty"`
	MIMEType     string      `json:"mime_type,omitempty"`
	FileSize     int64       `json:"file_size,omitempty"`
	Thumbnail    *PhotoSize  `json:"thumbnail,omitempty"`
	Cover        []PhotoSize `json:"cover,omitempty"` // of a video
	Type         string      `json:"type,omitempty"`  // of a sticker
	IsAnimated   bool        `json:"is_animated,omitempty"`
	IsVideo      bool        `json:"is_video,omitempty"`
	Emoji        string      `json:"emoji,omitempty"`

	// Streaming says that the bot asked for supports_streaming.
	Streaming bool `json:"-"`
}

// ForumTopicCreated is the service message that opens a topic.
type ForumTopicCreated struct {
	Name      string `json:"name"`
	IconColor int    `json:"icon_color"`
}

// Markup is a keyboard of any of the four kinds ("InlineKeyboardMarkup",
// "ReplyKeyboardMarkup", "ReplyKeyboardRemove", "ForceReply").
type Markup struct {
	Inline         [][]Button         `json:"inline_keyboard,omitempty"`
	Keyboard       [][]KeyboardButton `json:"keyboard,omitempty"`
	Persistent     bool               `json:"is_persistent,omitempty"`
	Resize         bool               `json:"resize_keyboard,omitempty"`
	OneTime        bool               `json:"one_time_keyboard,omitempty"`
	Placeholder    string             `json:"input_field_placeholder,omitempty"`
	Selective      bool               `json:"selective,omitempty"`
	RemoveKeyboard bool               `json:"remove_keyboard,omitempty"`
	ForceReply     bool               `json:"force_reply,omitempty"`
}

// Button is a button of an inline keyboard ("InlineKeyboardButton").
type Button struct {
	Text              string        `json:"text"`
	IconCustomEmojiID string        `json:"icon_custom_emoji_id,omitempty"`
	Style             string        `json:"style,omitempty"`
	URL               string        `json:"url,omitempty"`
	CallbackData      string        `json:"callback_data,omitempty"`
	WebApp            *WebApp       `json:"web_app,omitempty"`
	LoginURL          *LoginURL     `json:"login_url,omitempty"`
	SwitchInline      *string       `json:"switch_inline_query,omitempty"`
	SwitchInlineHere  *string       `json:"switch_inline_query_current_chat,omitempty"`
	SwitchInlineTo    *SwitchInline `json:"switch_inline_query_chosen_chat,omitempty"`
	CopyText          *CopyText     `json:"copy_text,omitempty"`
	Pay               bool          `json:"pay,omitempty"`
}

// KeyboardButton is a button of a reply keyboard ("KeyboardButton").
type KeyboardButton struct {
	Text              string  `json:"text"`
	IconCustomEmojiID string  `json:"icon_custom_emoji_id,omitempty"`
	Style             string  `json:"style,omitempty"`
	RequestContact    bool    `json:"request_contact,omitempty"`
	RequestLocation   bool    `json:"request_location,omitempty"`
	WebApp            *WebApp `json:"web_app,omitempty"`
}

// WebApp is the page a button opens ("WebAppInfo").
type WebApp struct {
	URL string `json:"url"`
}

// LoginURL is a link that logs the person in ("LoginUrl").
type LoginURL struct {
	URL                string `json:"url"`
	ForwardText        string `json:"forward_text,omitempty"`
	BotUsername        string `json:"bot_username,omitempty"`
	RequestWriteAccess bool   `json:"request_write_access,omitempty"`
}

// SwitchInline starts an inline query in a chat of the person's choice
// ("SwitchInlineQueryChosenChat").
type SwitchInline struct {
	Query             string `json:"query,omitempty"`
	AllowUserChats    bool   `json:"allow_user_chats,omitempty"`
	AllowBotChats     bool   `json:"allow_bot_chats,omitempty"`
	AllowGroupChats   bool   `json:"allow_group_chats,omitempty"`
	AllowChannelChats bool   `json:"allow_channel_chats,omitempty"`
}

// CopyText is what a button copies ("CopyTextButton").
type CopyText struct {
	Text string `json:"text"`
}
