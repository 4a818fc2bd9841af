#!/bin/sh
# Makes the clips in this folder with ffmpeg (5.1 or later). Run it here after
# changing it and commit the results: the package embeds them, so neither tests
# nor the program need ffmpeg.
set -eu

# blend B T: moves the value in register 0 towards B where T is 1.
blend() { printf 'st(0,ld(0)+(%s-ld(0))*(%s));' "$1" "$2"; }

# channel SKY HORIZON SUN FAR MIDDLE NEAR: one colour channel of a landscape in
# which hills pass by and the sun floats. All motion repeats after 5 seconds.
# Registers: 0 the value, 1 the turn of the loop, 2 and 3 the place, 4 the
# distance from the sun.
channel() {
	printf 'st(1,T*2*PI/5);st(2,X/max(W,H));st(3,Y/H);'
	printf 'st(4,hypot(X-W*0.66,Y-H*(0.36+0.03*sin(ld(1))))/max(W,H));'
	printf 'st(0,%s);' "$1"
	blend "$2" 'pow(clip(ld(3)/0.72,0,1),1.3)'
	blend "$3" '0.55*exp(-pow(ld(4)/0.22,2))'
	blend "$3" 'clip((0.075-ld(4))*max(W,H)/2,0,1)'
	blend "$4" 'clip(H*(ld(3)-0.60-0.05*sin(ld(2)*9+ld(1))-0.02*sin(ld(2)*23+ld(1))),0,1)'
	blend "$5" 'clip(H*(ld(3)-0.70-0.06*sin(ld(2)*7+2+ld(1))-0.02*sin(ld(2)*17+1+2*ld(1))),0,1)'
	blend "$6" 'clip(H*(ld(3)-0.83-0.06*sin(ld(2)*5+4+2*ld(1))-0.02*sin(ld(2)*13+3*ld(1))),0,1)'
	printf 'ld(0)'
}

# film NAME WIDTH HEIGHT and the six colours of channel, each as R,G,B. It is
# drawn at half the size, which is soft enough to be pretty and four times
# faster.
film() {
	name=$1 width=$2 height=$3
	shift 3
	for c in 1 2 3; do
		eval "e$c=\$(channel $(for rgb; do echo "$rgb" | cut -d, -f$c; done | tr '\n' ' '))"
	done
	ffmpeg -nostdin -v error -y -f lavfi -i "color=s=$((width / 2))x$((height / 2)):r=12:d=5,format=gbrp,geq=r='$e1':g='$e2':b='$e3',scale=$width:$height:flags=lanczos" \
		-c:v libx264 -profile:v main -pix_fmt yuv420p -preset veryslow -crf 32 -g 60 \
		-map_metadata -1 -fflags +bitexact -flags:v +bitexact -movflags +faststart "$name.mp4"
}

films() {
	film "$1-dawn" "$2" "$3" 64,66,140 255,176,130 255,240,200 190,110,140 120,66,116 52,32,74
	film "$1-day" "$2" "$3" 74,160,226 206,236,244 255,252,226 128,184,168 74,142,112 34,92,76
}

# tune NAME and the notes' frequencies in Hz: plucked one after the other over
# a soft chord, twice.
tune() {
	name=$1
	shift
	voice='' chord='' i=0
	for hz; do
		for again in 0 1; do
			start=$(echo "$i*0.5+$again*4" | bc -l)
			age="(t-$start)"
			voice="$voice+gte(t,$start)*exp(-2.2*$age)*(sin(2*PI*$hz*$age)+0.35*sin(4*PI*$hz*$age)+0.12*sin(6*PI*$hz*$age))"
		done
		chord="$chord+sin(PI*$hz*t)"
		i=$((i + 1))
	done
	fade='min(1,min(t/0.8,(8-t)/1.5))'
	ffmpeg -nostdin -v error -y -f lavfi -i "aevalsrc='0.13*(0$voice)*min(1,(8-t)/1.5)+0.02*(0$chord)*$fade':s=44100:d=8" \
		-af 'aecho=0.8:0.6:170|310:0.25|0.15,volume=9dB,alimiter=limit=0.9' -t 8 -ac 1 -c:a libmp3lame -b:a 32k \
		-map_metadata -1 -id3v2_version 0 -write_xing 1 -fflags +bitexact -flags:a +bitexact "$name.mp3"
}

# voice NAME BASE: a humming voice of 3 seconds that rises and falls like a
# sentence, around BASE Hz.
voice() {
	pitch="$2*(t+0.05*sin(2*PI*t*0.7)+0.012*sin(2*PI*t*2.3))"
	syllable='pow(abs(sin(PI*t*2.6)),0.6)'
	ffmpeg -nostdin -v error -y -f lavfi -i "aevalsrc='0.22*$syllable*min(1,min(t/0.1,(3-t)/0.4))*(sin(2*PI*$pitch)+0.6*sin(4*PI*$pitch)+0.45*sin(6*PI*$pitch)*(0.5+0.5*sin(2*PI*t*1.3))+0.2*sin(10*PI*$pitch))':s=44100:d=3" \
		-af 'lowpass=f=2600' -ac 1 -c:a libmp3lame -b:a 32k \
		-map_metadata -1 -id3v2_version 0 -write_xing 1 -fflags +bitexact -flags:a +bitexact "$1.mp3"
}

tune music-calm 261.63 329.63 392.00 523.25 493.88 392.00 329.63 293.66
tune music-bright 293.66 369.99 440.00 587.33 659.26 587.33 440.00 369.99
voice speech-low 120
voice speech-high 205
films landscape 640 360
films portrait 360 640
films square 480 480
