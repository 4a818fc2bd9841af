package discordtest

import "time"

// User is a person or bot ("User").
type User struct {
	ID            string  `json:"id"`
	Username      string  `json:"username"`
	Discriminator string  `json:"discriminator"`
	GlobalName    string  `json:"global_name,omitempty"`
	Avatar        *string `json:"avatar"`
	Bot           bool    `json:"bot,omitempty"`
}

// Role is a role of a guild ("Permissions", "Role Object").
type Role struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Color       int    `json:"color"`
	Hoist       bool   `json:"hoist"`
	Position    int    `json:"position"`
	Permissions string `json:"permissions"`
	Managed     bool   `json:"managed"`
	Mentionable bool   `json:"mentionable"`
}

// Message is a message as it was when it was read ("Message"). Its JSON is
// what the bot gets.
type Message struct {
	ID              string       `json:"id"`
	ChannelID       string       `json:"channel_id"`
	GuildID         string       `json:"guild_id,omitempty"`
	Type            int          `json:"type"`
	Author          User         `json:"author"`
	ApplicationID   string       `json:"application_id,omitempty"`
	WebhookID       string       `json:"webhook_id,omitempty"`
	Content         string       `json:"content"`
	Timestamp       time.Time    `json:"timestamp"`
	EditedAt        *time.Time   `json:"edited_timestamp"`
	TTS             bool         `json:"tts"`
	MentionEveryone bool         `json:"mention_everyone"`
	Mentions        []User       `json:"mentions"`
	MentionRoles    []string     `json:"mention_roles"`
	Attachments     []Attachment `json:"attachments"`
	Embeds          []Embed      `json:"embeds"`
	Components      []Component  `json:"components"`
	Flags           int          `json:"flags"`
	Pinned          bool         `json:"pinned"`
	Nonce           any          `json:"nonce,omitempty"`
	Reference       *Reference   `json:"message_reference,omitempty"`
	Referenced      *Message     `json:"referenced_message,omitempty"` // never has one itself
	Metadata        *Metadata    `json:"interaction_metadata,omitempty"`

	// Edits counts the edits, Reactions are the bot's emoji, Deleted says that
	// the message is gone from the channel, For is the id of the only person
	// who sees an ephemeral message, and Pinged are the ids of those whom it
	// mentions to notify them, with "everyone" for @everyone and @here. The
	// bot never sees these.
	Edits     int      `json:"-"`
	Reactions []string `json:"-"`
	Deleted   bool     `json:"-"`
	For       string   `json:"-"`
	Pinged    []string `json:"-"`
}

// Flags of messages ("Message Flags").
const (
	FlagSuppressEmbeds        = 1 << 2
	FlagEphemeral             = 1 << 6
	FlagLoading               = 1 << 7
	FlagSuppressNotifications = 1 << 12
	FlagComponentsV2          = 1 << 15
)

// Types of messages ("Message Types").
const (
	typeDefault     = 0
	typeReply       = 19
	typeSlash       = 20
	typeContextMenu = 23
)

// Reference says which message this one replies to.
type Reference struct {
	Type      int    `json:"type"`
	MessageID string `json:"message_id,omitempty"`
	ChannelID string `json:"channel_id,omitempty"`
	GuildID   string `json:"guild_id,omitempty"`
	// Fail is what a bot sends: nil and true refuse a message that is gone.
	Fail *bool `json:"fail_if_not_exists,omitempty"`
}

// Metadata says which interaction a message answers.
type Metadata struct {
	ID         string            `json:"id"`
	Type       int               `json:"type"`
	User       User              `json:"user"`
	Owners     map[string]string `json:"authorizing_integration_owners"`
	Name       string            `json:"name,omitempty"`
	OriginalID string            `json:"original_response_message_id,omitempty"`
}

// Attachment is a file of a message ("Attachment Object").
type Attachment struct {
	ID          string  `json:"id"`
	Filename    string  `json:"filename"`
	Title       string  `json:"title,omitempty"`
	Description string  `json:"description,omitempty"`
	ContentType string  `json:"content_type,omitempty"`
	Size        int     `json:"size"`
	URL         string  `json:"url"`
	ProxyURL    string  `json:"proxy_url"`
	Width       int     `json:"width,omitempty"`
	Height      int     `json:"height,omitempty"`
	Duration    float64 `json:"duration_secs,omitempty"`
	Waveform    string  `json:"waveform,omitempty"`
	Ephemeral   bool    `json:"ephemeral,omitempty"`
	Flags       int     `json:"flags,omitempty"`

	// Spoiler says that it is hidden until somebody presses it.
	Spoiler bool `json:"-"`
}

// Embed is rich content of a message ("Embed Object").
type Embed struct {
	Title       string       `json:"title,omitempty"`
	Type        string       `json:"type,omitempty"`
	Description string       `json:"description,omitempty"`
	URL         string       `json:"url,omitempty"`
	Timestamp   string       `json:"timestamp,omitempty"`
	Color       int          `json:"color,omitempty"`
	Footer      *EmbedFooter `json:"footer,omitempty"`
	Image       *Picture     `json:"image,omitempty"`
	Thumbnail   *Picture     `json:"thumbnail,omitempty"`
	Author      *EmbedAuthor `json:"author,omitempty"`
	Fields      []EmbedField `json:"fields,omitempty"`
}

// EmbedFooter is the last line of an embed.
type EmbedFooter struct {
	Text    string `json:"text"`
	IconURL string `json:"icon_url,omitempty"`
}

// EmbedAuthor is the first line of an embed.
type EmbedAuthor struct {
	Name    string `json:"name"`
	URL     string `json:"url,omitempty"`
	IconURL string `json:"icon_url,omitempty"`
}

// EmbedField is a named part of an embed.
type EmbedField struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline,omitempty"`
}

// Picture is an image or video that is shown, by its address ("Unfurled Media
// Item Structure").
type Picture struct {
	URL          string `json:"url"`
	ProxyURL     string `json:"proxy_url,omitempty"`
	Width        int    `json:"width,omitempty"`
	Height       int    `json:"height,omitempty"`
	ContentType  string `json:"content_type,omitempty"`
	AttachmentID string `json:"attachment_id,omitempty"`
}

// Component is a part of a message or modal ("Component Reference"). The
// fields of its type are set.
type Component struct {
	Type        int         `json:"type"`
	ID          int         `json:"id,omitempty"`
	CustomID    string      `json:"custom_id,omitempty"`
	Style       int         `json:"style,omitempty"`
	Label       string      `json:"label,omitempty"`
	Description string      `json:"description,omitempty"`
	Emoji       *Emoji      `json:"emoji,omitempty"`
	URL         string      `json:"url,omitempty"`
	Disabled    bool        `json:"disabled,omitempty"`
	Options     []Option    `json:"options,omitempty"`
	Placeholder string      `json:"placeholder,omitempty"`
	Min         *int        `json:"min_values,omitempty"`
	Max         *int        `json:"max_values,omitempty"`
	MinLength   int         `json:"min_length,omitempty"`
	MaxLength   int         `json:"max_length,omitempty"`
	Required    *bool       `json:"required,omitempty"`
	FileTypes   []string    `json:"file_types,omitempty"`
	Value       string      `json:"value,omitempty"`
	Default     bool        `json:"default,omitempty"`
	Defaults    []Default   `json:"default_values,omitempty"`
	Kinds       []int       `json:"channel_types,omitempty"`
	Content     string      `json:"content,omitempty"`
	Media       *Picture    `json:"media,omitempty"`
	File        *Picture    `json:"file,omitempty"`
	Items       []Item      `json:"items,omitempty"`
	Spoiler     bool        `json:"spoiler,omitempty"`
	Divider     *bool       `json:"divider,omitempty"`
	Spacing     int         `json:"spacing,omitempty"`
	AccentColor *int        `json:"accent_color,omitempty"`
	Accessory   *Component  `json:"accessory,omitempty"`
	Component   *Component  `json:"component,omitempty"`
	Components  []Component `json:"components,omitempty"`
}

// Types of components ("Component Types").
const (
	compRow        = 1
	compButton     = 2
	compSelect     = 3
	compInput      = 4
	compSection    = 9
	compText       = 10
	compThumbnail  = 11
	compGallery    = 12
	compFile       = 13
	compContainer  = 17
	compUpload     = 19
	compRadio      = 21
	compCheckboxes = 22
	compCheckbox   = 23
)

// Emoji is the picture of a button or option.
type Emoji struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Animated bool   `json:"animated,omitempty"`
}

// Option is a choice of a select or of a group in a modal.
type Option struct {
	Label       string `json:"label"`
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
	Emoji       *Emoji `json:"emoji,omitempty"`
	Default     bool   `json:"default,omitempty"`
}

// Default is what a select of users, roles or channels begins with.
type Default struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// Item is a picture or video in a gallery.
type Item struct {
	Media       Picture `json:"media"`
	Description string  `json:"description,omitempty"`
	Spoiler     bool    `json:"spoiler,omitempty"`
}
